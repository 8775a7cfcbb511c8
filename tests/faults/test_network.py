"""What a network and a service can do to a request, they may: the results stay right."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional

import pytest

from messaging import Connection
from messaging.queues import open_queue
from scripts.local_aws import LocalAws
from tests.conftest import Place, Running, wait_until
from tests.gateway import (
    Answer,
    Call,
    DeliverAgain,
    Fault,
    Gateway,
    cut,
    deliver_twice,
    drop_answer,
    error,
    fail_some_entries,
)

ACTIONS = [
    "GetQueueUrl",
    "GetQueueAttributes",
    "CreateQueue",
    "HeadBucket",
    "PutBucket",
    "PutObject",
    "SendMessageBatch",
    "ReceiveMessage",
    "DeleteMessageBatch",
    "DeleteQueue",
]


def ask(place: Place, tmp_path: Path, count: int, timeout: str = "60") -> Any:
    """Have lists answered by a client; check that each has its one right result."""
    file = tmp_path / "lists.txt"
    file.write_text("".join(f"{number},-1\n" for number in range(count)))
    done = place.client("--file", str(file), "--json", "--timeout", timeout, timeout=300)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["max"] for line in done.stdout.splitlines()] == list(range(count))
    return done


@pytest.mark.parametrize("action", ACTIONS)
def test_an_answer_dropped_after_the_deed(
    counted: Place, gateway: Gateway, tmp_path: Path, action: str
) -> None:
    """Of each action one request is carried out and its answer lost: all results are right."""
    gateway.spoil(action, drop_answer, times=1)
    counted.worker("--visibility-timeout", "3")

    ask(counted, tmp_path, 25)

    assert gateway.counts[action] >= 2


@pytest.mark.parametrize("action", ["SendMessageBatch", "DeleteMessageBatch", "PutObject"])
def test_answers_of_a_busy_worker_dropped_one_after_the_other(
    counted: Place, gateway: Gateway, tmp_path: Path, action: str
) -> None:
    """Many answers lost in one session: all results are right, and none comes twice."""
    counted.worker("--visibility-timeout", "3")
    gateway.spoil(action, every_third(drop_answer))

    ask(counted, tmp_path, 60)


def every_third(fault: Fault) -> Fault:
    """Let a fault befall one request in three."""
    asked = [0]

    def sometimes(call: Call) -> Optional[Answer]:
        asked[0] += 1
        return fault(call) if asked[0] % 3 == 0 else None

    return sometimes


def once(fault: Fault) -> Fault:
    """Let a fault befall one request of those that it would."""
    left = [fault]

    def first(call: Call) -> Optional[Answer]:
        answer = fault(call) if left else None
        if answer:
            left.clear()
        return answer

    return first


def expired(call: Call) -> Answer:
    """Answer as AWS does when a session is over."""
    return error(call.action, 403, "ExpiredToken")


def fail_an_entry(call: Call) -> Optional[Answer]:
    """Fail the first of several entries; one that comes alone is carried out."""
    return fail_some_entries(call) if len(call.entries) > 1 else None


def throttled(call: Call) -> Answer:
    """Answer as AWS does when it is asked too often."""
    code = "SlowDown" if call.action.endswith("Object") else "RequestThrottled"
    return error(call.action, 503 if code == "SlowDown" else 400, code)


def on(action: str, fault: Fault) -> Fault:
    """Let a fault befall those actions whose name ends so."""
    return lambda call: fault(call) if call.action.endswith(action) else None


# A function makes each anew, since some count or remember.
TROUBLE: Dict[str, Callable[[], List[Fault]]] = {
    "throttled": lambda: [every_third(throttled)],
    "entries failed": lambda: [on("Batch", fail_an_entry)],
    "delivered twice": lambda: [on("ReceiveMessage", deliver_twice)],
    "token expired": lambda: [once(on("ReceiveMessage", expired))],
}


@pytest.mark.parametrize("name", TROUBLE)
def test_trouble_costs_at_most_half_as_many_requests_again(
    counted: Place, gateway: Gateway, aws: LocalAws, tmp_path: Path, name: str
) -> None:
    """With every third request throttled, an entry failed in every batch call, each message twice
    in a receive, or an expired token, all results are right, at 1.5 times the requests at most."""
    count = 1000
    counted.worker()
    past_the_gateway = Connection(replace(counted.settings, endpoint_url=aws.url))
    inbox = open_queue(past_the_gateway.sqs, counted.settings.input_queue)

    def requests() -> int:
        gateway.counts.clear()
        ask(counted, tmp_path, count)
        wait_until(lambda: not any(counted.messages(inbox)))
        return sum(gateway.counts.values())

    calm = requests()
    gateway.faults += TROUBLE[name]()
    worst = requests()

    print(f"{count} lists, {name}: {calm} requests when calm, {worst} then: {worst / calm:.2f}")
    assert worst <= 1.5 * calm


def test_all_trouble_at_once(counted: Place, gateway: Gateway, tmp_path: Path) -> None:
    """With all of it at the same time the results are still right, and none is missing."""
    counted.worker()
    for make in TROUBLE.values():
        gateway.faults += make()

    ask(counted, tmp_path, 200)

    gateway.faults.clear()
    wait_until(counted.is_empty)


def test_what_is_delivered_again_after_it_was_answered_is_only_deleted(
    counted: Place, gateway: Gateway, tmp_path: Path
) -> None:
    """Messages that come again in a later receive get no second answer and no second log entry."""
    counted.worker()
    gateway.faults.append(on("ReceiveMessage", DeliverAgain()))

    ask(counted, tmp_path, 200)

    gateway.faults.clear()
    wait_until(counted.is_empty)
    assert "".join(counted.logs()).count("received") == 200


def idle_share(worker: Running, seconds: float) -> float:
    """Measure the share of a core that a worker uses."""
    before = worker.cpu_seconds()
    time.sleep(seconds)
    return (worker.cpu_seconds() - before) / seconds


def test_a_connection_that_is_cut_and_comes_back(
    counted: Place, gateway: Gateway, full: bool, tmp_path: Path
) -> None:
    """Worker and client go on by themselves within 30 s, idle meanwhile, and say so once."""
    outage = 60 if full else 8
    worker = counted.worker("--visibility-timeout", "5")
    done: List[Any] = []
    client = threading.Thread(
        target=lambda: done.append(ask(counted, tmp_path, 3000, timeout="150"))
    )
    client.start()
    wait_until(lambda: gateway.counts["SendMessageBatch"] > 10)

    gateway.faults.append(cut)
    time.sleep(2)
    share = idle_share(worker, outage - 2)
    gateway.faults.clear()
    restored = time.monotonic()
    client.join(30 + 60)
    seconds = time.monotonic() - restored

    print(
        f"cut for {outage} s: all answered {seconds:.1f} s after, worker at {share:.1%} of a core"
    )
    assert done, "the client did not go on"
    assert share < 0.05
    lines = [line for line in done[0].stderr.splitlines() if "Cannot" in line]
    assert len(lines) == 1, lines


def test_a_server_that_stops_and_starts(
    counted: Place, gateway: Gateway, aws: LocalAws, full: bool, tmp_path: Path
) -> None:
    """When the service comes back with its state, all go on by themselves."""
    if not full:
        pytest.skip("the server takes 20 s to stop: with --faults only")
    server = LocalAws(aws.kind, tmp_path / "state")
    with server:
        gateway.upstream = server.url.rsplit("/", 1)[1]
        counted.worker("--visibility-timeout", "5")
        done: List[Any] = []
        client = threading.Thread(
            target=lambda: done.append(ask(counted, tmp_path, 3000, timeout="150"))
        )
        client.start()
        wait_until(lambda: gateway.counts["SendMessageBatch"] > 10)

        server.stop()
        assert server.start(int(server.url.rsplit(":", 1)[1]))
        restored = time.monotonic()
        client.join(30 + 60)

    print(f"stopped and started: all answered {time.monotonic() - restored:.1f} s after")
    assert done, "the client did not go on"


def test_a_network_that_swallows_answers(
    counted: Place, gateway: Gateway, full: bool, tmp_path: Path
) -> None:
    """Polls that are never answered are given up after the read timeout of 30 s."""
    if not full:
        pytest.skip("takes the read timeout of 30 s: with --faults only")
    counted.worker("--visibility-timeout", "5")
    healed = threading.Event()

    def stall(call: Call) -> None:
        healed.wait(120)
        raise OSError

    gateway.spoil("ReceiveMessage", stall, times=2)
    started = time.monotonic()
    ask(counted, tmp_path, 100, timeout="150")
    seconds = time.monotonic() - started
    healed.set()

    print(f"polls swallowed: all answered {seconds:.1f} s after")
    assert seconds < 60
