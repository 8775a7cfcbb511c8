"""Trouble is told once while it lasts, and again when it comes anew; what passes is not told."""

import threading
from typing import Any, Callable, Iterator, List, Optional

import pytest
from botocore.exceptions import ClientError, EndpointConnectionError

from messaging.aws.patience import BLIPS, LONGEST_PAUSE, Patience
from messaging.aws.trouble import EntryError


def denied() -> ClientError:
    """Make an error that does not pass by itself."""
    said: Any = {"Error": {"Code": "AccessDenied"}, "ResponseMetadata": {"HTTPStatusCode": 403}}
    return ClientError(said, "SendMessage")


def fails(times: int, error: Exception) -> Callable[[], str]:
    """Make a call that fails so many times."""
    left: Iterator[int] = iter(range(times))

    def call() -> str:
        if next(left, None) is not None:
            raise error
        return "done"

    return call


def told(caplog: pytest.LogCaptureFixture) -> List[str]:
    """Give what was told to people, without the reasons."""
    return [r.message.split(":")[0] for r in caplog.records if r.levelname in ("WARNING", "INFO")]


def test_trouble_given_up_on_is_told_when_it_comes_again(caplog: pytest.LogCaptureFixture) -> None:
    """A call that was given up leaves nothing behind that would silence the next trouble."""
    caplog.set_level("INFO")
    patience = Patience(threading.Event())
    answers: List[bool] = [False, True]

    with pytest.raises(ClientError):
        patience(fails(2, denied()), "send to a queue that is gone", lambda error: answers.pop(0))
    assert patience(fails(1, denied()), "receive") == "done"

    assert told(caplog) == [
        "Cannot send to a queue that is gone",
        "Cannot receive",
        "AWS answers again.",
    ]


def test_a_blip_is_told_when_it_turns_out_to_be_none(caplog: pytest.LogCaptureFixture) -> None:
    """What mostly passes by itself is told at the third failure in a row, and then once."""
    caplog.set_level("INFO")
    patience = Patience(threading.Event())

    assert patience(fails(BLIPS - 1, EntryError("Made")), "send") == "done"
    assert told(caplog) == []

    assert patience(fails(BLIPS, EntryError("Made")), "send") == "done"
    assert told(caplog) == ["Cannot send", "AWS answers again."]


def test_trouble_of_another_kind_silences_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """When the kind of trouble changes on the way, either kind is told when it comes anew."""
    patience = Patience(threading.Event())
    for _ in range(2):
        patience.rest("send", denied())
        patience.rest("send", EndpointConnectionError(endpoint_url="http://x"))
        patience.rest("send", EndpointConnectionError(endpoint_url="http://x"))
        patience.recovered("send")

    reasons = [record.message.split(": ")[1] for record in caplog.records]
    assert [reason[:9] for reason in reasons] == ["AWS refus", "cannot re"] * 2


class Unending(threading.Event):
    """A stop that never comes, and for which nobody waits."""

    def wait(self, timeout: Optional[float] = None) -> bool:
        assert timeout is not None
        assert 0 <= timeout <= LONGEST_PAUSE
        return False


def test_trouble_may_last_for_days() -> None:
    """However often an attempt fails, there is another one, after a wait within the bounds."""
    patience = Patience(Unending())

    assert all(patience.rest("send", denied()) for _ in range(2000))


def test_a_stop_in_long_trouble_still_allows_an_attempt() -> None:
    """What failed many times before a stop is tried again after it."""
    stop = threading.Event()
    patience = Patience(Unending())
    for _ in range(50):
        patience.rest("send", denied())
    stop.set()
    patience._stop = stop

    assert patience.rest("send", denied())


def test_a_stop_allows_a_few_attempts_and_no_long_waits() -> None:
    """Once stopped, a call is tried a few times more, and its error raised."""
    stop = threading.Event()
    stop.set()
    attempts: List[int] = []

    def call() -> None:
        attempts.append(1)
        raise EntryError("Made")

    with pytest.raises(EntryError):
        Patience(stop)(call, "send")

    assert len(attempts) == 5
