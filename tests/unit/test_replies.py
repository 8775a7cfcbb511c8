"""Our own reply queue is polled as needed, emptied cheaply, and replaced when it is lost."""

from __future__ import annotations

import logging
import threading
from typing import Iterator, List

import pytest

from messaging import ConfigurationError, Request
from messaging.aws.patience import Patience
from messaging.requester.awaited import Awaited, Pending
from messaging.requester.replies import Replies
from tests.conftest import wait_until
from tests.unit.clock import Clock
from tests.unit.memory_aws import GONE, Call, Memory

GIVE_UP = 5  # seconds


class Bench:
    """A private reply queue in memory, in which a test puts replies.

    Attributes:
        again: what was to be asked once more
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.memory = Memory("in", "out")
        self.awaited = Awaited()
        self.patience = Patience()
        self.again: List[Pending] = []
        self.replies = Replies(
            self.memory.connection(), self.awaited, self.patience, self.again.append
        )
        self.name = self.replies.queue.name

    def expect(self, *ids: str) -> List[Pending]:
        pending = [self.awaited.expect(Request("body", each)) for each in ids]
        self.replies.intake.wake()
        return pending

    def reply(self, *ids: str) -> None:
        for each in ids:
            self.memory.send(self.name, "re " + each, CorrelationId=each, Status="ok")

    def polls(self) -> List[Call]:
        return self.memory.asked("receive_message")

    def poll_twice(self) -> None:
        """Wait until what a poll brought is dealt with: the next but one has begun."""
        before = len(self.polls())
        self.memory.wait_for(lambda: len(self.polls()) >= before + 2)

    def deleted(self) -> List[int]:
        """Give how many messages each deletion was about."""
        calls = self.memory.asked("delete_message_batch")
        return [len(call.arguments["Entries"]) for call in calls]

    def created(self) -> List[str]:
        return [call.about for call in self.memory.asked("create_queue")]


class Hurdle:
    """Holds up each poll until a test lets it go on, or until its end."""

    def __init__(self, bench: Bench) -> None:
        self.held = threading.Semaphore(0)
        self._passes = threading.Semaphore(0)
        bench.memory.before = self

    def __call__(self, call: Call) -> None:
        if call.operation == "receive_message":
            self.held.release()
            self._passes.acquire(timeout=GIVE_UP)

    def holds(self, polls: int) -> bool:
        """Return whether so many polls come to be held, and no more."""
        came = [self.held.acquire(timeout=GIVE_UP) for _ in range(polls)]
        return all(came) and not self.held.acquire(timeout=0.1)

    def let_go(self, polls: int = 1000) -> None:
        for _ in range(polls):
            self._passes.release()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Bench]:
    """A private queue at a clock that only a test moves, where pauses take no time."""
    caplog.set_level(logging.DEBUG)
    clock = Clock()
    monkeypatch.setattr("messaging.clock.now", clock.now)
    monkeypatch.setattr("messaging.clock.backoff", lambda *how: 0.0)
    made = Bench(clock)
    yield made
    made.patience.end()
    made.replies.close()


def test_what_was_read_is_deleted_in_seventies(bench: Bench) -> None:
    """With 69 nothing is deleted yet; the next one has all go, ten a request."""
    ids = [str(number) for number in range(69)]
    bench.expect(*ids, "last", "never")
    bench.reply(*ids)
    bench.memory.wait_for(lambda: bench.awaited.arrivals == 69)
    bench.poll_twice()
    assert bench.deleted() == []

    bench.reply("last")
    bench.memory.wait_for(lambda: len(bench.deleted()) == 7)
    assert bench.deleted() == [10] * 7
    assert bench.memory.bodies(bench.name) == []


@pytest.mark.parametrize(("seconds", "deleted"), [(30.0, []), (30.5, [2])])
def test_few_replies_are_deleted_after_half_a_minute(
    bench: Bench, seconds: float, deleted: List[int]
) -> None:
    """Before SQS would deliver the first of them once more, all go."""
    first, second, _ = bench.expect("first", "second", "never")
    bench.reply("first")
    first.future.result(GIVE_UP)
    bench.poll_twice()

    bench.clock.time += seconds
    bench.reply("second")
    second.future.result(GIVE_UP)
    bench.poll_twice()

    assert bench.deleted() == deleted


def test_what_cannot_be_deleted_is_read_once_more(bench: Bench) -> None:
    """It comes to light again, is for nobody by then, and is deleted with others."""
    fault = bench.memory.fail("delete_message_batch", "ServiceUnavailable", 503)
    ids = [str(number) for number in range(70)]
    bench.expect(*ids, "never")
    bench.reply(*ids)
    bench.memory.wait_for(lambda: len(bench.deleted()) == 7)
    assert len(bench.memory.bodies(bench.name)) == 70

    bench.memory.mend(fault)
    bench.clock.time += 41
    bench.memory.wait_for(lambda: bench.memory.bodies(bench.name) == [])
    assert bench.awaited.arrivals == 70


def test_a_busy_queue_is_polled_by_eight(bench: Bench) -> None:
    """After a full poll others poll beside, up to eight, and after one that was not full one."""
    ids = [str(number) for number in range(10)]
    hurdle = Hurdle(bench)
    bench.expect(*ids, "never")
    assert hurdle.holds(1)

    bench.reply(*ids)
    hurdle.let_go(1)
    assert hurdle.holds(8)
    hurdle.let_go(8)
    assert hurdle.holds(1)
    hurdle.let_go()


def test_polls_that_find_a_queue_lost_together_replace_it_once(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever is told later goes on with the queue that the first one made."""
    ids = [str(number) for number in range(10)]
    hurdle = Hurdle(bench)
    *_, never = bench.expect(*ids, "never")
    bench.reply(*ids)
    hurdle.let_go(1)
    assert hurdle.holds(9)

    bench.memory.fail("receive_message", GONE, about=bench.name)
    hurdle.let_go()
    bench.memory.wait_for(lambda: bench.memory.asked("receive_message", bench.created()[-1]))
    wait_until(lambda: never in bench.again, GIVE_UP)

    assert len(bench.created()) == 2
    assert bench.replies.queue.name == bench.created()[1]
    assert bench.again == [never]
    assert caplog.text.count("cannot be read any more: asking again") == 1


def test_a_new_queue_that_cannot_be_read_either_ends_the_wait(bench: Bench) -> None:
    """Another one is not made, since a right is missing."""
    first, second = bench.expect("first", "second")
    bench.reply("first")
    first.future.result(GIVE_UP)
    bench.poll_twice()
    bench.memory.fail("receive_message", "AccessDenied", 403)

    with pytest.raises(ConfigurationError, match="our own reply queue"):
        second.future.result(GIVE_UP)
    assert len(bench.created()) == 2


def test_a_poll_that_fails_after_the_end_makes_no_queue(bench: Bench) -> None:
    """The queue that the end deleted is not missed."""
    first, _ = bench.expect("first", "never")
    bench.reply("first")
    first.future.result(GIVE_UP)
    bench.poll_twice()
    hurdle = Hurdle(bench)
    assert hurdle.holds(1)

    bench.replies.close()
    assert bench.name not in bench.memory.queues
    hurdle.let_go()
    wait_until(lambda: not running(), GIVE_UP)

    assert len(bench.created()) == 1
    assert bench.again == []


def test_an_end_waits_for_a_second_at_most(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """So long the deletion of the queue may hold up the exit."""
    waits: List[float] = []
    monkeypatch.setattr(
        "messaging.requester.replies.futures.wait", lambda ended, seconds: waits.append(seconds)
    )
    bench.replies.close()
    monkeypatch.undo()

    assert waits == [1.0]
    bench.memory.wait_for(lambda: bench.name not in bench.memory.queues)


def running() -> List[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "replies"]
