"""A message belongs to one worker at a time, as long as that one renews its lease."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any, List, Optional

from messaging import Connection
from messaging.aws.queues import MAX_RECEIVE_COUNT
from tests.conftest import Place, take, wait_until
from tests.gateway import Answer, Call, Gateway, error
from tests.plain import DEAD_LETTER, open_queue

SLOW = "tests.slow_worker"


def answers(place: Place, count: int) -> List[Any]:
    """Receive so many replies from the output queue."""
    replies: List[Any] = []
    while len(replies) < count:
        replies += take(place.outbox())
    return replies


def run_once(place: Place, bodies: List[str], timeout: int) -> None:
    """Have two workers do these jobs; fails unless each is done once, by a worker that kept it."""
    workers = [place.worker("--visibility-timeout", str(timeout), module=SLOW) for _ in range(2)]
    place.inbox().send([{"MessageBody": body} for body in bodies])

    replies = answers(place, len(bodies))

    assert {json.loads(reply.body)["did"] for reply in replies} == set(bodies)
    wait_until(place.is_empty)
    assert take(place.outbox(), wait=1) == []
    assert "".join(place.logs()).count("received") == len(bodies)
    assert "no longer ours" not in "".join(worker.said() for worker in workers)


def test_a_long_job_runs_once(place: Place, full: bool) -> None:
    """A job of 8 s under a visibility timeout of 3 s is handled once, though two workers run."""
    seconds, timeout = (8, 3) if full else (4, 2)

    run_once(place, [f"sleep {seconds}"], timeout)


def test_each_of_many_jobs_runs_once(place: Place, full: bool) -> None:
    """Twenty jobs of 1 s, more than fit a visibility timeout of 5 s, are each handled once."""
    count, seconds, timeout = (20, 1, 5) if full else (8, 0.5, 2)

    run_once(place, [f"sleep {seconds + n / 1000}" for n in range(count)], timeout)


def test_renewals_that_fail_now_and_then_cost_no_lease(counted: Place, gateway: Gateway) -> None:
    """With thirty leases and every second renewal refused, each message is received once."""
    asked = [0]

    def every_second(call: Call) -> Optional[Answer]:
        asked[0] += 1
        return error(call.action, 400, "RequestThrottled") if asked[0] % 2 == 0 else None

    gateway.spoil("ChangeMessageVisibilityBatch", every_second)
    counted.inbox().send([{"MessageBody": f"sleep 0.{900 + n}"} for n in range(30)])
    counted.worker("--concurrency", "3", "--visibility-timeout", "5", module=SLOW)

    replies = answers(counted, 30)

    assert len({json.loads(reply.body)["did"] for reply in replies}) == 30
    wait_until(counted.is_empty)
    assert "".join(counted.logs()).count("delivery 1 of") == 30


def test_who_loses_a_message_does_not_answer_it(counted: Place, gateway: Gateway, aws: Any) -> None:
    """A worker that loses its lease neither replies nor deletes; the next one answers."""

    def lost(call: Call) -> Answer:
        entries = [
            {"Id": entry["Id"], "SenderFault": True, "Code": "ReceiptHandleIsInvalid"}
            for entry in call.entries
        ]
        body = json.dumps({"Successful": [], "Failed": entries}).encode()
        return 200, {"Content-Type": "application/x-amz-json-1.0"}, body

    gateway.spoil("ChangeMessageVisibilityBatch", lost)
    counted.inbox().send([{"MessageBody": "sleep 4"}])
    loser = counted.worker("--visibility-timeout", "2", module=SLOW)
    loser.wait_for("is no longer ours", 10)
    gateway.counts.clear()
    winner = counted.worker("--visibility-timeout", "30", module=SLOW, url=aws.url)

    direct = Connection(replace(counted.settings, endpoint_url=aws.url)).sqs
    (reply,) = take(open_queue(direct, counted.settings.output_queue))

    assert json.loads(reply.body)["process"] == winner.process.pid
    assert not gateway.counts["SendMessageBatch"]
    assert not gateway.counts["DeleteMessageBatch"]


def test_poison_waits_longer_each_time_and_can_be_redriven(place: Place, tmp_path: Path) -> None:
    """Retries back off; at last the sender is told and the message kept; once mended and redriven,
    it succeeds under its old correlation id.
    """
    mended = tmp_path / "mended"
    inbox = place.inbox()
    poison = place.send(f"fail {mended}")
    place.send("sleep 0")
    worker = place.worker("--visibility-timeout", "1", module=SLOW)

    good, bad = answers(place, 2)
    assert f"the worker failed {MAX_RECEIVE_COUNT} times" in bad.body
    assert json.loads(good.body)["did"] == "sleep 0"
    assert (bad.text("Status"), bad.text("CorrelationId")) == ("error", poison)
    pauses = [line.split()[-2] for line in worker.said().splitlines() if "is tried again" in line]
    assert pauses == ["1", "2", "4", "8"]

    mended.touch()
    dead = inbox.sibling(inbox.name + DEAD_LETTER)
    wait_until(lambda: place.messages(dead).visible == 1)
    dry = place.client("redrive", "calculation", "--dry-run", "--json", module="scripts.manage")
    assert json.loads(dry.stdout) == {"part": "calculation", "moved": 0, "left": 1}
    done = place.client("redrive", "calculation", "--json", module="scripts.manage")
    assert json.loads(done.stdout) == {"part": "calculation", "moved": 1, "left": 0}

    (reply,) = answers(place, 1)
    assert reply.text("Status") == "ok"
    assert reply.text("CorrelationId") == poison
