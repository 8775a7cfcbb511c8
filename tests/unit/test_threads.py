"""Threads outlive what their work raises, and keep no program alive."""

import logging
import threading
from typing import Iterator, List, Union

import pytest

from messaging.flow import threads

GIVE_UP = 5  # seconds


def test_a_thread_goes_on_until_its_step_says_no(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What a step raises, even to end the program, is told, and the next one begins a second on."""
    caplog.set_level(logging.DEBUG)
    pauses: List[float] = []
    monkeypatch.setattr("messaging.flow.threads.time.sleep", pauses.append)
    steps: Iterator[Union[bool, BaseException]]
    steps = iter([True, SystemExit("a library's own"), True, False, True])
    ran: List[threading.Thread] = []
    over = threading.Event()

    def step() -> bool:
        ran.append(threading.current_thread())
        now = next(steps)
        if isinstance(now, BaseException):
            raise now
        if not now:
            over.set()
        return now

    threads.start("test", step)

    assert over.wait(GIVE_UP)
    ran[0].join(GIVE_UP)
    assert [(thread.name, thread.daemon) for thread in ran] == [("test", True)] * 4
    assert pauses == [1]
    told = [(each.levelno, each.getMessage()) for each in caplog.records]
    reason = 'Trouble in the test thread: SystemExit("a library\'s own"). Going on in a second.'
    assert told == [(logging.ERROR, reason), (logging.DEBUG, "The cause:")]


def test_a_thread_outlives_a_log_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """What cannot even be told, as where somebody closed the stream, ends no thread either."""
    monkeypatch.setattr("messaging.flow.threads.time.sleep", lambda seconds: None)
    over = threading.Event()
    steps = iter([ValueError("made"), ValueError("made")])

    def fail(*what: object) -> None:
        raise ValueError("I/O operation on closed file")

    def step() -> bool:
        for error in steps:
            raise error
        over.set()
        return False

    monkeypatch.setattr(threads.logger, "error", fail)
    threads.start("test", step)

    assert over.wait(GIVE_UP)


def test_a_call_in_the_background_has_a_result() -> None:
    """It runs once, on a thread of its own, and what it raises is raised where it is asked for."""
    ran: List[threading.Thread] = []

    def call() -> int:
        ran.append(threading.current_thread())
        return 7

    def fail() -> int:
        raise SystemExit("made")

    assert threads.background("test", call).result(GIVE_UP) == 7
    with pytest.raises(SystemExit):
        threads.background("test", fail).result(GIVE_UP)
    ran[0].join(GIVE_UP)
    assert [(thread.name, thread.daemon) for thread in ran] == [("test", True)]
