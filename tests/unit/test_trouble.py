"""Trouble is told once while it lasts, and again when it comes anew."""

import threading
from typing import Callable, Iterator, List

import pytest

from messaging.trouble import PassingError, Patience


def fails(times: int) -> Callable[[], str]:
    """Make a call that fails so many times."""
    left: Iterator[int] = iter(range(times))

    def call() -> str:
        if next(left, None) is not None:
            raise PassingError("no luck")
        return "done"

    return call


def test_trouble_given_up_on_is_told_when_it_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    """A call that was given up leaves nothing behind that would silence the next trouble."""
    patience = Patience(threading.Event())
    answers: List[bool] = [False, True]

    with pytest.raises(PassingError):
        patience(fails(2), "send to a queue that is gone", lambda error: answers.pop(0))
    assert patience(fails(1), "receive") == "done"

    told = [record.message for record in caplog.records if record.levelname == "WARNING"]
    assert [line.split(":")[0] for line in told] == [
        "Cannot send to a queue that is gone",
        "Cannot receive",
    ]
