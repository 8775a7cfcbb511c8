"""A batcher gathers entries, retries them without holding up threads, and survives faults."""

import math
import threading
import time
from typing import Any, Callable, List, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.flow import threads
from messaging.flow.batcher import LINGER, TICK, Batcher, due_at, start_of
from tests.conftest import wait_until
from tests.unit.clock import Clock

seconds = st.floats(0, 1e6)


class Work:
    """Work that blocks until it is released, and records its batches.

    Each occurrence of a thing in `failing` makes it fail once.
    """

    def __init__(self, *failing: str) -> None:
        self.taken: List[List[Any]] = []
        self._failing = list(failing)
        self.entered, self.let_go = threading.Semaphore(0), threading.Semaphore(0)

    def release(self, times: int) -> None:
        for _ in range(times):
            self.let_go.release()

    def __call__(self, things: List[Any]) -> Sequence[Any]:
        self.taken.append(things)
        self.entered.release()
        assert self.let_go.acquire(timeout=10)
        if None in things:
            raise SystemExit("a library's own")
        again = [thing for thing in things if thing in self._failing]
        for thing in again:
            self._failing.remove(thing)
        return again


def make(work: Callable[[List[Any]], Sequence[Any]], count: int = 1, room: int = 10) -> Any:
    """Return a batcher with batches of three."""
    return Batcher("test", count, 3, room, work)


@given(st.lists(seconds, max_size=10), st.integers(1, 10), st.integers(0, 3))
def test_a_batch_starts_when_full_or_alone_else_when_it_has_lingered(
    moments: List[float], size: int, under_way: int
) -> None:
    """An empty batch never starts, a full or lone one at once, and others after the linger."""
    moments.sort()
    start = start_of(moments, size, under_way)

    if not moments:
        assert start == math.inf
    elif not under_way:
        assert start == moments[0]
    elif len(moments) < size:
        assert start == moments[0] + LINGER
    else:
        assert start == min(moments[0] + LINGER, moments[size - 1])


@given(seconds, st.integers(1, 10_000), st.floats(0.5, 20), st.floats(0, 1))
def test_what_is_to_come_again_is_due_at_a_tick_within_its_pause(
    now: float, failures: int, longest: float, share: float
) -> None:
    """A retry is due no earlier than now, and no later than the longest pause plus a tick."""
    due = due_at(now, failures, longest, share)

    assert now <= due <= now + min(longest, 2.0 ** min(failures - 1, 10)) + TICK + 1e-6
    assert due / TICK == pytest.approx(round(due / TICK))


def test_a_backoff_doubles_up_to_its_limit() -> None:
    """With the whole share it is 1, 2, 4 … seconds; with none it is what is left to the tick."""
    assert [due_at(100, failures, 8, 1) for failures in range(1, 6)] == [101, 102, 104, 108, 108]
    assert due_at(100, 50, 10_000, 1) == 1124
    assert due_at(100.1, 3, 8, 0) == 100.5
    assert due_at(100, 3, 8, 0.6) == 102.5


def test_what_waits_is_taken_together_up_to_the_limit() -> None:
    """What gathers while one batch is in flight goes into the next, up to its limit."""
    work = Work()
    made = make(work)

    made.put("a")
    assert work.entered.acquire(timeout=10)
    for things in ("b", "cd", "e", ""):
        made.put(things)
    work.release(3)
    made.join()

    assert work.taken == [["a"], ["b", "c", "d"], ["e"]]


def test_a_stubborn_entry_stays_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """An entry that is backing off holds up no other, each of which is tried once."""
    monkeypatch.setattr("random.random", lambda: 1.0)
    work = Work(*["x"] * 3)
    work.release(1000)
    made = make(work)
    made.put("x")
    assert work.entered.acquire(timeout=10)

    for thing in "abcdefgh":
        made.put([thing])
    wait_until(lambda: sum(map(len, work.taken)) >= 9, 5)

    assert [thing for things in work.taken for thing in things] == list("xabcdefgh")
    made.hurry()
    threads.background("join", made.join).result(3)
    assert sum(things.count("x") for things in work.taken) == 4


def test_an_end_comes_soon_whatever_waits_for_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What was to come again in an hour does so at once."""
    monkeypatch.setattr("messaging.flow.batcher.due_at", lambda now, *how: now + 3600)
    work = Work("x")
    work.release(10)
    made = make(work, count=2)
    made.put("xy")
    wait_until(lambda: work.taken == [["x", "y"]], 5)

    made.hurry()
    threads.background("join", made.join).result(5)

    assert work.taken == [["x", "y"], ["x"]]


def test_each_entry_has_its_own_backoff(monkeypatch: pytest.MonkeyPatch) -> None:
    """It grows with the failures of that entry alone, and is short while shutting down."""
    asked: List[Any] = []

    def due(now: float, failures: int, longest: float, share: float) -> float:
        asked.append((failures, longest, share))
        return now

    monkeypatch.setattr("messaging.flow.batcher.due_at", due)
    monkeypatch.setattr("random.random", lambda: 0.75)
    work = Work("x", "x", "y", "x", "x")
    made = make(work)
    made.put("x")
    assert work.entered.acquire(timeout=10)
    made.put("y")
    work.release(2)  # x alone, then y, which came meanwhile, and x again
    assert work.entered.acquire(timeout=10)
    assert work.entered.acquire(timeout=10)
    made.hurry()
    work.release(10)
    threads.background("join", made.join).result(5)

    assert sorted(asked[:3]) == [(1, 8.0, 0.75), (1, 8.0, 0.75), (2, 8.0, 0.75)]
    assert asked[3:] == [(3, 0.5, 0.75), (4, 0.5, 0.75)]


def test_what_is_put_within_a_moment_shares_a_batch(monkeypatch: pytest.MonkeyPatch) -> None:
    """While another batch is under way, nothing starts before its company may have come."""
    assert start_of([100.0], 2, 1) == 100.05
    monkeypatch.setattr("messaging.flow.batcher.LINGER", 0.9)
    work = Work()
    made = make(work, count=3)
    made.put("a")
    assert work.entered.acquire(timeout=10)

    made.put("b")
    time.sleep(0.1)
    made.put("c")
    wait_until(lambda: len(work.taken) > 1, 5)

    assert work.taken == [["a"], ["b", "c"]]
    work.release(2)


def test_what_work_replaces_counts_as_new(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another thing that is to come instead has failed once."""
    failures: List[int] = []

    def due(now: float, failed: int, *how: float) -> float:
        failures.append(failed)
        return now

    def work(things: List[Any]) -> List[Any]:
        return [list(thing) for thing in things if len(failures) < 3]

    monkeypatch.setattr("messaging.flow.batcher.due_at", due)
    made = make(work)
    made.put([["a"]])
    threads.background("join", made.join).result(5)

    assert failures == [1, 1, 1]


def test_a_start_depends_on_when_things_came(clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody looks in vain before the moment of the first, and no more are looked at than fit."""
    asked: List[Any] = []

    def start(moments: Sequence[float], size: int, under_way: int) -> float:
        asked.append((list(moments), size, under_way))
        return start_of(moments, size, under_way)

    monkeypatch.setattr("messaging.flow.batcher.start_of", start)
    work = Work()
    work.release(2)
    made = make(work)
    made.put("abcd")
    threads.background("join", made.join).result(5)

    assert [each for each in asked if each[0]] == [([1000.0] * 3, 3, 0), ([1000.0], 3, 0)]
    assert work.taken == [["a", "b", "c"], ["d"]]


def test_what_did_not_fit_is_taken_by_another() -> None:
    """While a full batch hangs, what came with it goes by itself after a moment."""
    work = Work()
    made = make(work, count=2)

    made.put("abcd")
    wait_until(lambda: work.taken == [["a", "b", "c"], ["d"]], 5)
    work.release(2)


def test_what_failed_together_comes_again_together() -> None:
    """A batch that failed as a whole is retried as one batch."""
    work = Work(*"abc")
    work.release(10)
    made = make(work)

    made.put("abc")
    made.join()

    assert work.taken == [["a", "b", "c"]] * 2


def test_what_is_to_come_again_counts_against_the_room() -> None:
    """Entries that back off take room; when it is full, putting blocks."""
    work = Work(*"ab" * 50)
    work.release(1000)
    made = make(work, room=2)
    made.put("ab")
    wait_until(lambda: len(work.taken) >= 1)

    putting = threading.Thread(target=made.put, args=("c",), daemon=True)
    putting.start()
    putting.join(0.3)
    assert putting.is_alive()

    made.hurry()
    putting.join(10)
    assert not putting.is_alive()
    made.close()


def test_a_fault_of_the_work_ends_no_thread() -> None:
    """Whatever the work raises, even SystemExit, the thread goes on to the next batch."""
    work = Work()
    work.release(10)
    made = make(work)

    made.put([None])
    assert work.entered.acquire(timeout=10)
    made.put("a")
    made.join()

    assert work.taken == [[None], ["a"]]


def test_work_that_hangs_holds_nothing_up() -> None:
    """Beside a batch that hangs the next one starts."""
    work = Work()
    made = make(work, count=2)

    made.put("a")
    assert work.entered.acquire(timeout=10)
    made.put("b")
    assert work.entered.acquire(timeout=10)
    work.release(2)
    made.join()

    assert work.taken == [["a"], ["b"]]


def test_a_closed_batcher_holds_nobody_up() -> None:
    """Closing drops what waits, and unblocks those who put or join."""
    work = Work()
    made = make(work)
    made.put("a")
    assert work.entered.acquire(timeout=10)
    made.put("b" * 10)
    waiting = [
        threading.Thread(target=made.put, args=("c",), daemon=True),
        threading.Thread(target=made.join, daemon=True),
    ]
    for thread in waiting:
        thread.start()

    made.close()
    for thread in waiting:
        thread.join(5)
        assert not thread.is_alive()
    work.release(10)

    assert work.taken == [["a"]]
