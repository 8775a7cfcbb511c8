"""Patience waits out transient trouble, reports it once, and ends when told to."""

from typing import Any, Callable, Iterator, List, Tuple

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    NoCredentialsError,
    ParamValidationError,
    ReadTimeoutError,
)

from messaging import clock
from messaging.aws.patience import BLIPS, LONGEST_PAUSE, Patience
from messaging.aws.trouble import EntryError, is_passing, is_refusal


def answered(code: str, status: int) -> ClientError:
    """Return an error that AWS responded with."""
    said: Any = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(said, "SendMessage")


UNREACHED = EndpointConnectionError(endpoint_url="http://x")
PASSING = [
    UNREACHED,
    ReadTimeoutError(endpoint_url="http://x"),
    NoCredentialsError(),
    answered("InternalError", 500),
    answered("SlowDown", 503),
    answered("RequestThrottled", 400),
    answered("KMS.ThrottlingException", 400),
    answered("ExpiredToken", 403),
    answered("InvalidClientTokenId", 403),
    answered("Whatever", 429),
    EntryError("InternalError"),
    EntryError("RequestThrottled", refused=True),
]
LASTING = [
    answered("AccessDenied", 403),
    answered("NoSuchBucket", 404),
    answered("SomethingNew", 400),
    answered("AWS.SimpleQueueService.NonExistentQueue", 400),
    ParamValidationError(report="bad"),
    EntryError("InvalidParameterValue", refused=True),
]


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("messaging.clock.backoff", lambda *how: 0.0)


def fails(times: int, error: Exception) -> Callable[[], str]:
    """Return a call that fails so many times."""
    left: Iterator[int] = iter(range(times))

    def call() -> str:
        if next(left, None) is not None:
            raise error
        return "done"

    return call


def told(caplog: pytest.LogCaptureFixture) -> List[str]:
    """Return the messages logged, without their reasons."""
    return [r.message.split(":")[0] for r in caplog.records if r.levelname in ("WARNING", "INFO")]


@pytest.mark.parametrize("error", PASSING, ids=str)
def test_what_passes_is_waited_for(error: Exception) -> None:
    """Network trouble, throttling, AWS's own faults and expired credentials are retried."""
    assert is_passing(error)
    assert not is_refusal(error)
    assert Patience()(fails(50, error), "send") == "done"


@pytest.mark.parametrize("error", LASTING, ids=str)
def test_what_lasts_is_raised_at_once(error: Exception) -> None:
    """Any other error, even an unknown code, is raised at once."""
    with pytest.raises(type(error)):
        Patience()(fails(1, error), "send")


@pytest.mark.parametrize("error", [answered("ExpiredToken", 403), NoCredentialsError()], ids=str)
def test_keys_are_renewed_before_the_next_attempt(error: Exception) -> None:
    """If new credentials may help, they are fetched before each retry."""
    renewed: List[int] = []
    assert Patience(lambda: renewed.append(1))(fails(3, error), "send") == "done"

    assert len(renewed) == 3


def test_a_blip_is_told_when_it_turns_out_to_be_none(caplog: pytest.LogCaptureFixture) -> None:
    """Trouble is reported at the third failure in a row, and then once."""
    caplog.set_level("INFO")
    patience = Patience()

    assert patience(fails(BLIPS - 1, UNREACHED), "send") == "done"
    assert told(caplog) == []

    assert patience(fails(BLIPS + 5, UNREACHED), "send") == "done"
    assert told(caplog) == ["Cannot send", "AWS answers again."]


def test_an_outage_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """An outage is reported once, whatever is tried meanwhile, until all of it is over."""
    caplog.set_level("INFO")
    patience = Patience()
    for doing in ("send", "receive", "delete"):
        for _ in range(5):
            patience.met(doing, UNREACHED)
    patience.over("send", clock.now())
    patience.over("receive", clock.now())
    patience.over("delete", clock.now())

    assert told(caplog) == ["Cannot send", "AWS answers again."]


def test_an_answer_from_before_the_trouble_ends_none(caplog: pytest.LogCaptureFixture) -> None:
    """The success of a request in flight since before the outage does not end it."""
    caplog.set_level("INFO")
    patience = Patience()
    began = clock.now()
    for _ in range(BLIPS):
        patience.met("send", UNREACHED)
    patience.over("send", began)
    patience.met("send", UNREACHED)

    assert told(caplog) == ["Cannot send"]


def test_trouble_given_up_leaves_nothing_behind(caplog: pytest.LogCaptureFixture) -> None:
    """Trouble that was interrupted silences no later trouble, and has no recovery reported."""
    caplog.set_level("INFO")
    patience = Patience()
    errors: List[BaseException] = [UNREACHED] * BLIPS + [KeyboardInterrupt()]

    def call() -> None:
        raise errors.pop(0)

    with pytest.raises(KeyboardInterrupt):
        patience(call, "upload")
    assert patience(fails(BLIPS, UNREACHED), "receive") == "done"

    assert told(caplog) == ["Cannot upload", "Cannot receive", "AWS answers again."]


def test_trouble_of_another_kind_silences_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """If the kind of trouble changes, each kind is reported when it comes again."""
    patience = Patience()
    for _ in range(2):
        patience.met("send", answered("AccessDenied", 403))
        patience.met("send", UNREACHED)
        patience.met("send", UNREACHED)
        patience.over("send", clock.now())

    reasons = [record.message.split(": ")[1][:9] for record in caplog.records]
    assert reasons == ["AWS refus", "cannot re"] * 2


def test_one_destination_that_is_denied_does_not_silence_another(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Trouble of a single destination is reported for each destination."""
    patience = Patience()
    for _ in range(3):
        patience.met("send to a", answered("AccessDenied", 403))
        patience.met("send to b", answered("AccessDenied", 403))

    assert told(caplog) == ["Cannot send to a", "Cannot send to b"]


def test_a_stop_ends_the_attempts() -> None:
    """Once the grace period after a stop is over, the error is raised, not retried."""
    patience = Patience()
    patience.stop(0)

    with pytest.raises(EndpointConnectionError):
        patience(fails(2, UNREACHED), "send")


def test_the_end_wakes_those_that_back_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """The end wakes those who are backing off."""
    monkeypatch.setattr("messaging.clock.backoff", lambda *how: 1000.0)
    patience = Patience()

    def call() -> None:
        patience.end()
        raise UNREACHED

    with pytest.raises(EndpointConnectionError):
        patience(call, "send")


def test_pauses_grow_with_the_failures_up_to_twenty_seconds(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each failure asks for a longer backoff, of which a random share is waited."""
    asked: List[Tuple[int, float, float]] = []

    def backoff(failures: int, longest: float, share: float) -> float:
        asked.append((failures, longest, share))
        return 0.0

    monkeypatch.setattr("messaging.clock.backoff", backoff)
    Patience()(fails(50, UNREACHED), "send")

    failures, longest, shares = zip(*asked)
    assert failures == tuple(range(1, 51))
    assert set(longest) == {LONGEST_PAUSE} == {20.0}
    assert 0 <= min(shares) < 0.5 < max(shares) <= 1
