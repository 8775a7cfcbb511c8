"""A series of requests is sent as its iterator yields them, and its replies come in that order."""

from __future__ import annotations

import threading
from concurrent import futures
from functools import partial
from typing import Any, Callable, Iterable, Iterator, List

import pytest

from messaging import Reply, ReplyTimeout, Request
from messaging.requester.asking import LOOK, Asking, Item
from messaging.requester.awaited import Awaited, Pending
from tests.conftest import wait_until
from tests.unit.clock import Clock


class Bench:
    """An Asking whose requests a test answers.

    Attributes:
        waits: the timeout of each wait, in seconds
        at_wait: called at each wait, which lasts for its whole timeout
    """

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.awaited = Awaited()
        self.submitted: List[Request] = []
        self.shown: List[float] = []
        self.waits: List[float] = []
        self.at_wait: Callable[[int], object] = lambda count: None

    def ask(self, items: Iterable[Item], timeout: float = 60, window: int = 100) -> Iterator[Reply]:
        how = (self.awaited, window, timeout, self.shown.append, "advice")
        return Asking(items, self._submit, *how).replies()

    def answer(self, *ids: str) -> None:
        for each in ids:
            give = partial(self.awaited.give, Reply(f"reply to {each}", each))
            wait_until(give, 5)  # when it is read

    def wait(self, pending: List[Any], seconds: float) -> None:
        """Stand in for a future's wait: the time passes."""
        self.waits.append(seconds)
        assert len(self.waits) < 10_000
        self.clock.time += seconds
        self.at_wait(len(self.waits))

    def _submit(self, request: Request) -> Pending:
        pending = self.awaited.expect(request)
        self.submitted.append(request)
        return pending


@pytest.fixture
def bench(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> Bench:
    """An Asking whose clock only waits move."""
    made = Bench(clock)
    monkeypatch.setattr(futures, "wait", made.wait)
    return made


def requests(ids: str) -> List[Request]:
    return [Request("body", each) for each in ids]


def bodies(replies: Iterable[Reply]) -> List[str]:
    return [reply.body for reply in replies]


def test_replies_come_in_the_order_of_their_requests(bench: Bench) -> None:
    """Replies that arrive in any order are sorted; one among the items keeps its place."""
    items: List[Item] = [*requests("ab"), Reply.error("refused"), *requests("c")]
    replies = bench.ask(items)
    bench.at_wait = lambda count: bench.answer("c", "b", "a")

    assert bodies(replies) == ["reply to a", "reply to b", "refused", "reply to c"]
    assert len(bench.awaited) == 0


def test_an_item_that_is_no_request_is_raised(bench: Bench) -> None:
    """None among the items is a fault of the caller, not the end of the items."""
    items: Any = [*requests("a"), None, *requests("b")]
    replies = bench.ask(items)
    bench.at_wait = lambda count: bench.answer("a")

    assert next(replies).body == "reply to a"
    with pytest.raises(AttributeError):
        next(replies)


def test_no_reply_ends_the_wait_after_its_time(bench: Bench) -> None:
    """The wait shows each second from 0 on, and raises the advice at the timeout."""
    replies = bench.ask(requests("a"), timeout=5)

    with pytest.raises(ReplyTimeout, match="advice"):
        next(replies)
    assert bench.shown == [0, 1, 2, 3, 4]
    assert bench.waits == [LOOK] * 5
    assert len(bench.awaited) == 0
    assert bench.awaited.give(Reply("late", "a"))


def test_a_short_timeout_is_kept(bench: Bench) -> None:
    """A timeout below a second is not prolonged."""
    with pytest.raises(ReplyTimeout):
        next(bench.ask(requests("a"), timeout=0.25))

    assert bench.waits == [0.25]


def test_any_reply_shows_that_workers_live(bench: Bench) -> None:
    """The timeout restarts at each reply to anyone, while the seconds shown go on."""
    replies = bench.ask(requests("abc"), timeout=5)

    def answer(count: int) -> None:
        if count == 4:
            wait_until(lambda: len(bench.awaited) == 3)
            bench.answer("b")

    bench.at_wait = answer
    with pytest.raises(ReplyTimeout):
        next(replies)
    assert bench.shown == list(range(9))


def test_while_the_machine_slept_nobody_waited(bench: Bench) -> None:
    """A wait during which the machine slept for an hour counts as one look."""
    replies = bench.ask(requests("a"), timeout=5)

    def sleep(count: int) -> None:
        bench.clock.time += 3600 if count == 1 else 0

    bench.at_wait = sleep
    with pytest.raises(ReplyTimeout):
        next(replies)
    assert bench.shown == [0, 1, 2, 3, 4]


def test_what_the_source_raises_is_raised_in_its_place(bench: Bench) -> None:
    """An error of the iterator comes after the replies before it; nothing more is read from it."""

    def source() -> Iterator[Item]:
        yield from requests("a")
        raise ValueError("of the source")

    replies = bench.ask(source())
    bench.at_wait = lambda count: bench.answer("a")

    assert next(replies).body == "reply to a"
    with pytest.raises(ValueError, match="of the source"):
        next(replies)


@pytest.mark.parametrize(("window", "ahead"), [(2, "abcd"), (1, "abc"), (0, "abc")])
def test_no_more_than_a_window_is_under_way(bench: Bench, window: int, ahead: str) -> None:
    """The iterator is read only as replies are consumed, at most a window ahead, of one at least.

    The window comes on top of the request awaited and the one just read.
    """
    read: List[str] = []

    def source() -> Iterator[Item]:
        for item in requests("abcdefghij"):
            read.append(item.correlation_id)
            yield item

    replies: Any = bench.ask(source(), window=window)

    def answer(count: int) -> None:
        wait_until(lambda: len(read) >= len(ahead), 5)
        bench.answer("a")

    bench.at_wait = answer
    assert next(replies).body == "reply to a"

    assert read == list(ahead)
    replies.close()
    wait_until(lambda: len(bench.awaited) == 0, 5)
    wait_until(lambda: not feeders(), 5)
    assert len(read) <= 5


def feeders() -> List[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "feeder"]


def test_an_end_leaves_no_thread(bench: Bench) -> None:
    """Once all replies are returned, no thread is left."""
    assert bodies(bench.ask([])) == []

    wait_until(lambda: not feeders(), 5)
