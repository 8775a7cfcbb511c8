"""Crashed clients' reply queues are swept, by SQS's own clock, and none in use."""

import json
import time
from typing import Any, Dict, List, Optional

import pytest

from messaging import Connection
from messaging.aws import sweeping
from messaging.wire.names import new_name
from tests.conftest import Place, wait_until
from tests.gateway import Answer, Call, Gateway, error


class Aged:
    """Makes queues as many hours old as a test says, and shifts the responses' time."""

    def __init__(self, gateway: Gateway, hours: Dict[str, float], now: str = "") -> None:
        self._hours, self._now = hours, now
        gateway.spoil("GetQueueAttributes", self.answer)

    def answer(self, call: Call) -> Optional[Answer]:
        status, headers, content = call.carry_out(call.body)
        told = json.loads(content)
        hours = self._hours.get(json.loads(call.body)["QueueUrl"].rsplit("/", 1)[1])
        if hours is not None:
            told["Attributes"]["CreatedTimestamp"] = str(int(time.time() - hours * 3600))
        if self._now:
            headers = {
                name: self._now if name.lower() == "date" else headers[name] for name in headers
            }
        return status, headers, json.dumps(told).encode()


def make(place: Place, *names: str) -> List[str]:
    """Create queues."""
    for name in names:
        place.sqs.create_queue(QueueName=name)
    return list(names)


def swept(place: Place) -> List[str]:
    """Sweep; return the names of the queues that are gone."""
    sqs = Connection(place.settings).sqs  # a connection that did not just create the queues
    output = place.settings.output_queue
    return [queue.name for queue, reason in sweeping.sweep(sqs, output) if not reason]


def test_old_private_queues_are_swept_and_nothing_else(counted: Place, gateway: Gateway) -> None:
    """Old reply queues are swept; young ones, used ones, the output queue and strangers' stay."""
    output = counted.settings.output_queue
    old, young, used, read = make(counted, *(new_name(output) for _ in range(4)))
    strangers = make(counted, f"{output}-20200101T0000-0123", f"x{old}", counted.outbox().name)
    Aged(gateway, {old: 49, young: 47, used: 49, read: 49, **dict.fromkeys(strangers, 99)})
    for name in (used, read):
        counted.outbox().sibling(name).send([{"MessageBody": "a reply"}])
    assert counted.outbox().sibling(read).receive(1, 1, 30)

    assert swept(counted) == [old]

    for name in (young, used, read, *strangers):
        assert counted.sqs.get_queue_url(QueueName=name)


def test_sweeping_goes_by_the_clock_of_sqs(counted: Place, gateway: Gateway) -> None:
    """A new queue counts as old if SQS's response says that days have passed."""
    (name,) = make(counted, new_name(counted.settings.output_queue))
    assert swept(counted) == []
    Aged(gateway, {}, "Fri, 01 Jan 2100 00:00:00 GMT")

    assert swept(counted) == [name]


@pytest.mark.parametrize("code", ["QueueDoesNotExist", "AWS.SimpleQueueService.NonExistentQueue"])
def test_a_queue_that_vanished_is_no_trouble(counted: Place, gateway: Gateway, code: str) -> None:
    """AWS lists deleted queues for a minute; such a queue does not stop the sweep."""
    gone, old = make(counted, *(new_name(counted.settings.output_queue) for _ in range(2)))
    Aged(gateway, {gone: 49, old: 49})
    gateway.faults.insert(
        0, lambda call: error(call.action, 400, code) if gone.encode() in call.body else None
    )

    assert swept(counted) == [old]


def test_a_worker_sweeps_at_its_start(counted: Place, gateway: Gateway) -> None:
    """A worker sweeps when it starts, and says so."""
    (name,) = make(counted, new_name(counted.settings.output_queue))
    Aged(gateway, {name: 49})

    worker = counted.worker()

    worker.wait_for("1 reply queues of crashed clients swept")


def test_a_worker_without_the_right_to_sweep_works_without_a_word(
    counted: Place, gateway: Gateway
) -> None:
    """A worker that may not sweep works, and does not mention it."""
    gateway.refuse("ListQueues", 403, "AccessDenied")

    worker = counted.worker()

    assert counted.client("3,1,2").returncode == 0
    wait_until(lambda: gateway.counts["ListQueues"])
    assert "swept" not in worker.said()
    assert "ListQueues" not in worker.said()


def test_the_operator_is_told_what_could_not_be_swept(counted: Place, gateway: Gateway) -> None:
    """sweep lists the queue with the reason, and exits with 1."""
    (name,) = make(counted, new_name(counted.settings.output_queue))
    Aged(gateway, {name: 49})
    gateway.refuse("DeleteQueue", 403, "AccessDenied")

    done: Any = counted.client("sweep", "calculation", "--json", module="scripts.manage")

    assert done.returncode == 1
    row = json.loads(done.stdout)
    assert row["kept"] == name
    assert "AWS refused DeleteQueue (AccessDenied)" in row["failed"]
