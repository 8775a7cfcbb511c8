"""An intake hands messages to idle lanes, and polls no more than necessary."""

import threading
from typing import List

from messaging.flow.intake import Intake
from tests.conftest import wait_until

WAIT = 10


class Polls:
    """A queue that returns what a test says, when it says so."""

    def __init__(self) -> None:
        self.begun = threading.Semaphore(0)
        self.under_way = 0
        self.most = 0
        self._answers: List[List[str]] = []
        self._ready = threading.Semaphore(0)
        self._lock = threading.Lock()

    def answer(self, messages: str) -> None:
        """Let a poll return a message for each letter."""
        self._answers.append(list(messages))
        self._ready.release()

    def __call__(self, backlog: bool) -> List[str]:
        with self._lock:
            self.under_way += 1
            self.most = max(self.most, self.under_way)
        self.begun.release()
        if not self._ready.acquire(timeout=WAIT):  # the test is over
            return []
        with self._lock:
            self.under_way -= 1
            return self._answers.pop(0)


class Lanes:
    """Threads that take messages, and hold each until released."""

    def __init__(self, intake: "Intake[str]", count: int) -> None:
        self.taken: List[str] = []
        self.let_go = threading.Event()
        self.threads = [
            threading.Thread(target=self._run, args=(intake,), daemon=True) for _ in range(count)
        ]
        for thread in self.threads:
            thread.start()

    def _run(self, intake: "Intake[str]") -> None:
        while True:
            messages = intake.take()
            if not messages:
                return
            self.taken += messages
            self.let_go.wait(WAIT)
            intake.done()


def test_what_one_poll_brought_is_for_whoever_is_free() -> None:
    """Three lanes take one each of the three messages of a poll, at once."""
    polls = Polls()
    lanes = Lanes(Intake(polls, 10, 1), 3)

    polls.answer("abc")

    wait_until(lambda: sorted(lanes.taken) == list("abc"), WAIT)


def test_an_idle_queue_is_polled_by_one() -> None:
    """However many lanes wait, one poll at a time is in flight."""
    polls = Polls()
    Lanes(Intake(polls, 10, 8), 8)
    for _ in range(5):
        assert polls.begun.acquire(timeout=WAIT)
        polls.answer("")
    assert polls.begun.acquire(timeout=WAIT)

    assert polls.most == 1


def test_after_a_full_poll_others_poll_beside() -> None:
    """After a full poll several lanes poll, up to the limit."""
    polls = Polls()
    lanes = Lanes(Intake(polls, 2, 3), 8)
    lanes.let_go.set()

    for _ in range(3):
        assert polls.begun.acquire(timeout=WAIT)
        polls.answer("ab")
    wait_until(lambda: polls.under_way == 3, WAIT)

    assert not polls.begun.acquire(timeout=0.2) or polls.most <= 3


def test_closing_gives_what_nobody_has_begun_with() -> None:
    """Closing waits for what is being handled, and releases the rest, including a late poll's."""
    polls = Polls()
    given: List[str] = []
    intake: Intake[str] = Intake(polls, 10, 2, give_back=given.extend)
    lanes = Lanes(intake, 1)
    polls.answer("abc")
    wait_until(lambda: lanes.taken, WAIT)

    assert intake.close() == ["b", "c"]

    joining = threading.Thread(target=intake.join, daemon=True)
    joining.start()
    joining.join(0.2)
    assert joining.is_alive()
    lanes.let_go.set()
    joining.join(WAIT)
    assert not joining.is_alive()


def test_what_comes_after_the_end_is_given_back() -> None:
    """A poll in flight when the intake closes has its messages released."""
    polls = Polls()
    given: List[str] = []
    intake: Intake[str] = Intake(polls, 10, 2, give_back=given.extend)
    Lanes(intake, 1)
    assert polls.begun.acquire(timeout=WAIT)

    intake.close()
    polls.answer("ab")
    intake.join_polls()

    assert given == ["a", "b"]


def test_nothing_is_polled_while_nothing_is_wanted() -> None:
    """A poll starts when a lane wants a message, and not before."""
    polls = Polls()
    wanted: List[int] = []
    intake: Intake[str] = Intake(polls, 10, 2, lambda: bool(wanted))
    Lanes(intake, 2)
    assert not polls.begun.acquire(timeout=0.2)

    wanted.append(1)
    intake.wake()

    assert polls.begun.acquire(timeout=WAIT)


def test_a_poll_that_fails_gives_its_turn_away() -> None:
    """After a poll that raised, the next caller polls."""
    polls = Polls()
    failures = [ValueError()]

    def receive(backlog: bool) -> List[str]:
        if failures:
            raise failures.pop()
        return polls(backlog)

    intake: Intake[str] = Intake(receive, 10, 1)
    try:
        intake.take()
    except ValueError:
        polls.answer("a")

    assert intake.take() == ["a"]
