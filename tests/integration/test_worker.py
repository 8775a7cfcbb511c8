"""The worker refuses, keeps, releases, answers and costs what it promises."""

import json
import time
from typing import Any, List, Optional

from messaging.aws.connection import LONG_POLL
from messaging.wire import names
from messaging.worker.worker import LIVELY
from tests.conftest import Place, take, wait_until
from tests.gateway import Answer, Call, Gateway

SLOW = "tests.slow_worker"


def test_stopped_while_idle_leaves_the_next_message_visible(place: Place) -> None:
    """A message sent after SIGTERM to an idle worker is visible to the next one at once."""
    worker = place.worker()
    worker.terminate()
    worker.wait_for("Stopping")

    place.send("3,1,2")

    assert worker.process.wait(25) == 0
    (delivery,) = place.inbox().receive(1, 1, 30)
    assert delivery.body == "3,1,2"


def test_stopped_while_busy_finishes_the_running_and_releases_the_rest(place: Place) -> None:
    """On SIGTERM waiting requests are released and running ones answered; the exit code is 0."""
    for _ in range(3):
        place.send("sleep 3")
    worker = place.worker("--visibility-timeout", "60", module=SLOW)
    wait_until(lambda: place.messages(place.inbox()).hidden == 3)

    worker.terminate()

    wait_until(lambda: place.messages(place.inbox()).visible == 2, 2)
    assert worker.process.poll() is None
    assert worker.process.wait(25) == 0
    (reply,) = take(place.outbox())
    assert json.loads(reply.body)["did"] == "sleep 3"
    assert place.messages(place.inbox()).hidden == 0


def test_second_signal_ends_at_once(place: Place) -> None:
    """A second signal ends the worker without waiting for running jobs."""
    place.send("sleep 30")
    worker = place.worker(module=SLOW)
    wait_until(lambda: place.messages(place.inbox()).hidden)
    worker.terminate()
    worker.wait_for("Stopping")

    started = time.monotonic()
    worker.terminate()

    assert worker.process.wait(10) == 130
    assert time.monotonic() - started < 3


def test_a_crash_repeats_the_work_and_loses_nothing(place: Place) -> None:
    """A request whose worker died is answered by the next worker."""
    place.send("sleep 5")
    worker = place.worker("--visibility-timeout", "2", module=SLOW)
    wait_until(lambda: place.messages(place.inbox()).hidden)
    worker.process.kill()

    second = place.worker(module=SLOW)

    (reply,) = take(place.outbox())
    assert json.loads(reply.body)["process"] == second.process.pid


def test_reply_queues_that_are_gone_do_not_hold_the_worker(place: Place) -> None:
    """A request behind eight hundred of eight clients that are gone is answered in 20 s, while
    their replies are retried for 60 s."""
    for _ in range(8):
        gone = names.new_name(place.settings.output_queue)
        attributes = {"ReplyTo": {"DataType": "String", "StringValue": gone}}
        place.inbox().send([{"MessageBody": "1", "MessageAttributes": attributes}] * 100)
    worker = place.worker()
    worker.wait_for("Cannot send to")

    place.send("2")

    (reply,) = take(place.outbox(), 20)
    assert json.loads(reply.body)["min"] == 2


def test_draining_answers_all_and_ends(place: Place) -> None:
    """With --drain a worker answers what is in the queue, then exits with 0."""
    place.inbox().send([{"MessageBody": str(number)} for number in range(25)])

    worker = place.worker("--drain")

    assert worker.process.wait(30) == 0
    assert place.is_empty()
    outbox = place.outbox()
    replies: List[Any] = []
    while len(replies) < 25:
        replies += take(outbox)
    assert sorted(json.loads(reply.body)["min"] for reply in replies) == list(range(25))


def test_an_idle_worker_costs_three_requests_a_minute(counted: Place, gateway: Gateway) -> None:
    """Ten seconds after the last message one long poll of 20 s is in flight, whatever the
    concurrency, and no CPU is used.
    """
    waits: List[int] = []

    def note(call: Call) -> Optional[Answer]:
        if call.action == "ReceiveMessage":
            waits.append(json.loads(call.body)["WaitTimeSeconds"])
        return None

    gateway.faults.append(note)
    started = time.monotonic()
    worker = counted.worker("--concurrency", "8")
    wait_until(lambda: waits[-1:] == [LONG_POLL])
    assert time.monotonic() - started > LIVELY
    before, started, polls = worker.cpu_seconds(), time.monotonic(), len(waits)

    wait_until(lambda: len(waits) > polls)

    seconds = time.monotonic() - started
    share = (worker.cpu_seconds() - before) / seconds
    print(f"idle: one request in {seconds:.1f} s, {share:.2%} of a core")
    assert seconds > 19
    assert share < 0.01
