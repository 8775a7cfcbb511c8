"""A stage takes what waits together, takes along what failed, and outlives what its step does."""

import threading
from typing import Any, Callable, List

import pytest

from messaging.aws.patience import Patience
from messaging.aws.trouble import EntryError
from messaging.flow import stage
from messaging.flow.stage import Failed, Stage


class Recorder:
    """A step that waits to be let go each time, and records what it was given.

    Things in `failing` fail once; at a thing that is None the step itself is at fault.
    """

    def __init__(self, *failing: str) -> None:
        self.taken: List[List[Any]] = []
        self._failing = set(failing)
        self.entered, self.let_go = threading.Semaphore(0), threading.Semaphore(0)

    def release(self, times: int) -> None:
        """Let it go so many times."""
        for _ in range(times):
            self.let_go.release()

    def __call__(self, things: List[Any]) -> Failed[Any]:
        self.taken.append(things)
        self.entered.release()
        assert self.let_go.acquire(timeout=10)
        if None in things:
            raise ZeroDivisionError
        failed = [thing for thing in things if thing in self._failing]
        self._failing.difference_update(failed)
        return [(thing, EntryError("Made")) for thing in failed]


def start(step: Callable[[List[Any]], Failed[Any]], count: int = 1) -> Any:
    """Start a stage of which a thread takes three things at a time."""
    made: Stage[Any] = Stage("test", count, 3, 10, step, Patience(threading.Event()))
    made.start()
    return made


def test_what_waits_is_taken_together_up_to_the_limit() -> None:
    """While one step is under way things gather; the next takes them, but no more than it may."""
    step = Recorder()
    made = start(step)

    made.put("a")
    assert step.entered.acquire(timeout=10)
    for things in ("b", "cd", "e", ""):
        made.put(things)
    step.release(3)
    made.join()

    assert step.taken == [["a"], ["b", "c", "d"], ["e"]]


class Rest(Patience):
    """Patience that rests until it is told that the rest is over."""

    def __init__(self) -> None:
        super().__init__(threading.Event())
        self.begun, self.over = threading.Event(), threading.Event()

    def rest(self, doing: str, error: Exception) -> bool:
        self.begun.set()
        return self.over.wait(10)


def test_what_failed_goes_along_with_what_comes_next() -> None:
    """While the thread that AWS refused rests, another takes along what failed."""
    step, patience = Recorder("b"), Rest()
    step.release(10)
    made: Stage[Any] = Stage("test", 2, 3, 10, step, patience)
    made.start()

    made.put("abc")
    assert patience.begun.wait(10)
    made.put("d")
    made.join()
    patience.over.set()

    assert step.taken == [["a", "b", "c"], ["b", "d"]]


def test_what_failed_together_stays_together() -> None:
    """A step that failed as a whole is taken as it was, and what does not fit beside it waits."""
    step = Recorder(*"abc")
    made = start(step)

    made.put("abc")
    assert step.entered.acquire(timeout=10)
    made.put("def")
    made.put("g")
    step.release(10)
    made.join()

    assert sorted(step.taken) == [["a", "b", "c"], ["a", "b", "c"], ["d", "e", "f"], ["g"]]


def test_what_failed_last_goes_by_itself() -> None:
    """With nothing more to come, what failed is tried again when its thread has rested."""
    step = Recorder("a")
    step.release(10)
    made = start(step)

    made.put("a")
    made.join()

    assert step.taken == [["a"], ["a"]]


def test_a_fault_of_the_step_ends_no_thread() -> None:
    """What the step could not take is given up, and the next thing is taken."""
    step = Recorder()
    step.release(10)
    made = start(step)

    made.put([None])
    assert step.entered.acquire(timeout=10)
    made.put("a")
    made.join()

    assert step.taken == [[None], ["a"]]


def test_few_things_wait_for_the_step_under_way_and_as_many_as_it_takes_do_not(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Things gather while a step is under way, until another can take no more than these."""
    monkeypatch.setattr(stage, "APART", 10)
    step = Recorder()
    made = start(step, count=3)

    made.put("a")
    assert step.entered.acquire(timeout=10)
    made.put("b")
    made.put("c")
    assert not step.entered.acquire(timeout=0.1)
    made.put("d")
    assert step.entered.acquire(timeout=10)
    made.put("e")
    step.release(3)
    made.join()

    assert step.taken == [["a"], ["b", "c", "d"], ["e"]]


def test_a_step_that_hangs_holds_nothing_up() -> None:
    """Beside a step that takes too long the next one begins."""
    step = Recorder()
    made = start(step, count=2)

    made.put("a")
    assert step.entered.acquire(timeout=10)
    made.put("b")
    assert step.entered.acquire(timeout=10)
    step.release(2)
    made.join()

    assert step.taken == [["a"], ["b"]]


def test_after_a_failure_things_are_left_to_gather() -> None:
    """A thing that comes alone waits for company, though not for long when none comes."""
    step = Recorder("a")
    step.release(10)
    made = start(step)
    made.put("a")
    made.join()

    made.put("b")
    made.put("c")
    made.join()

    assert step.taken == [["a"], ["a"], ["b", "c"]]


def test_a_closed_stage_holds_nobody_up() -> None:
    """Closing forgets what waits, ends the threads, and lets those go on who wait to put."""
    step = Recorder()
    made = start(step)
    made.put("a")
    assert step.entered.acquire(timeout=10)
    made.put("b" * 10)
    putting = threading.Thread(target=made.put, args=("c",))
    putting.start()

    made.close()
    putting.join(10)
    step.release(10)

    assert not putting.is_alive()
    for thread in made._threads:
        thread.join(10)
        assert not thread.is_alive()
    assert step.taken == [["a"]]


def test_a_stop_ends_the_attempts() -> None:
    """What AWS goes on failing to do when the program is told to stop is given up soon."""
    stop = threading.Event()
    attempts: List[int] = []

    def step(things: List[str]) -> Failed[str]:
        attempts.append(1)
        stop.set()
        return [(thing, EntryError("Made")) for thing in things]

    made: Stage[str] = Stage("test", 1, 3, 10, step, Patience(stop))
    made.start()
    made.put("ab")
    made.join()

    assert 2 <= len(attempts) <= 5
