"""A batcher gathers entries, retries them without holding up threads, and survives faults."""

import math
import threading
from typing import Any, List, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging.flow.batcher import LINGER, TICK, Batcher, due_at, start_of
from tests.conftest import wait_until

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


def make(work: Work, count: int = 1, room: int = 10) -> Any:
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
    made.join()
    assert sum(things.count("x") for things in work.taken) == 4


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
        thread.join(10)
        assert not thread.is_alive()
    work.release(10)

    assert work.taken == [["a"]]
