"""The worker keeps its promises: it refuses, keeps, releases, answers and counts as it should."""

import json
import time
from typing import Any, List, Optional

from messaging.aws.connection import LONG_POLL
from messaging.aws.queues import MAX_RECEIVE_COUNT
from messaging.wire import names
from messaging.worker.lanes import LIVELY
from tests.conftest import Place, take, take_error, wait_until
from tests.gateway import Answer, Call, Gateway

SLOW = "tests.slow_worker"


def test_stopped_while_idle_leaves_the_next_message_visible(place: Place) -> None:
    """A message sent after SIGTERM to an idle worker is there for the next one at once."""
    worker = place.worker()
    worker.terminate()
    worker.wait_for("Stopping")

    place.send("3,1,2")

    assert worker.process.wait(25) == 0
    (delivery,) = place.inbox().receive(1, 1, 30)
    assert delivery.body == "3,1,2"


def test_stopped_while_busy_finishes_the_running_and_releases_the_rest(place: Place) -> None:
    """What runs is answered, what waits is visible before that is done, the exit code is 0."""
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
    """A worker that is told twice does not wait for what runs."""
    place.send("sleep 30")
    worker = place.worker(module=SLOW)
    wait_until(lambda: place.messages(place.inbox()).hidden)
    worker.terminate()
    worker.wait_for("Stopping")

    worker.terminate()

    assert worker.process.wait(10) == 130


def test_a_long_job_is_kept_hidden_and_runs_once(place: Place) -> None:
    """A job of 4 s under a visibility timeout of 2 s is handled once, by one of two workers."""
    place.send("sleep 4")

    workers = [place.worker("--visibility-timeout", "2", module=SLOW) for _ in range(2)]

    (reply,) = take(place.outbox())
    assert json.loads(reply.body)["process"] in [worker.process.pid for worker in workers]
    wait_until(lambda: place.is_empty())
    assert len(place.logs()) == 1
    assert take(place.outbox(), wait=1) == []


def test_poison_is_kept_for_the_operator_and_told_to_the_client(place: Place) -> None:
    """What fails each time leaves the others alone and ends in the dead-letter queue."""
    poison = place.send("fail")
    place.send("sleep 0")
    place.worker("--visibility-timeout", "1", module=SLOW)

    (good,) = take(place.outbox())
    bad = take_error(place.outbox())

    assert json.loads(good.body)["did"] == "sleep 0"
    assert bad.text("CorrelationId") == poison
    assert f"the worker failed {MAX_RECEIVE_COUNT} times" in bad.body
    dead = place.inbox().sibling(f"{place.settings.input_queue}-dead-letter")
    (delivery,) = wait_until(lambda: dead.receive(1, 1, 30))
    assert delivery.body == "fail"


def test_a_crash_repeats_the_work_and_loses_nothing(place: Place) -> None:
    """A request whose worker died is answered by the next one."""
    place.send("sleep 5")
    worker = place.worker("--visibility-timeout", "2", module=SLOW)
    wait_until(lambda: place.messages(place.inbox()).hidden)
    worker.process.kill()

    second = place.worker(module=SLOW)

    (reply,) = take(place.outbox())
    assert json.loads(reply.body)["process"] == second.process.pid


def test_reply_queues_that_are_gone_do_not_hold_the_worker(place: Place) -> None:
    """Behind forty requests of a client that is gone the next one is answered at once."""
    gone = names.new_name(place.settings.output_queue)
    for _ in range(40):
        place.send("1", ReplyTo=gone)
    place.worker()
    started = time.monotonic()

    place.send("2")

    (reply,) = take(place.outbox())
    assert json.loads(reply.body)["min"] == 2
    assert time.monotonic() - started < 3


def test_draining_answers_all_and_ends(place: Place) -> None:
    """With --drain a worker answers what is there, then ends with 0."""
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
    """However many lanes wait, ten seconds after the last message one long poll of 20 s is under
    way, and no CPU is used."""
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
