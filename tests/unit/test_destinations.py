"""What becomes of a reply that was not accepted, by the error, its age, and what else waits."""

from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from messaging.aws.patience import Patience
from messaging.aws.trouble import EntryError
from messaging.worker import destinations as module
from messaging.worker.destinations import (
    AGAIN,
    CROWD,
    LATER,
    NEVER,
    PATIENCE,
    REMEMBERED,
    SETTLING,
    SOON,
    Destinations,
)
from messaging.worker.job import Job, Result
from tests.unit.clock import Clock, delivery

MISSING = EntryError("QueueDoesNotExist")
DENIED = EntryError("AccessDenied", refused=True)
MISSING.refused = True
AWAY = EndpointConnectionError(endpoint_url="http://x")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that stands for the real one."""
    made = Clock()
    monkeypatch.setattr("messaging.clock.now", made.now)
    return made


@pytest.fixture
def destinations() -> Destinations:
    """Destinations without trouble."""
    return Destinations(Patience())


def job(number: int, since: float) -> Job:
    """Make a job whose request was received then."""
    return Job(delivery(str(number), since), "id", "q", Result("done"))


@pytest.mark.parametrize(("error", "end"), [(MISSING, NEVER), (DENIED, LATER)])
def test_a_reply_is_tried_for_as_long_as_clients_wait(
    clock: Clock, destinations: Destinations, error: Exception, end: str
) -> None:
    """Within a minute of the receipt it is tried again; then the queue is given up for a while."""
    first = job(1, clock.time)
    assert destinations.failed("q", first, error) == AGAIN
    clock.time += PATIENCE - 1
    assert destinations.failed("q", first, error) == AGAIN
    clock.time += 2
    assert destinations.failed("q", first, error) == end

    assert destinations.failed("q", job(2, clock.time), error) == end
    clock.time += REMEMBERED + 1
    assert destinations.failed("q", job(3, clock.time), error) == AGAIN


def test_a_queue_that_comes_to_be_known_is_in_no_trouble(
    clock: Clock, destinations: Destinations
) -> None:
    """A reply that is accepted ends the trouble of its queue."""
    old = job(1, clock.time - PATIENCE - 1)
    assert destinations.failed("q", old, MISSING) == NEVER
    destinations.accepted("q", job(2, clock.time))

    assert destinations.failed("q", job(3, clock.time), MISSING) == AGAIN


def test_a_queue_given_up_is_told_once(
    clock: Clock, destinations: Destinations, caplog: pytest.LogCaptureFixture
) -> None:
    """A bulk client that was stopped gives one line, not a hundred."""
    for number in range(100):
        destinations.failed("q", job(number, clock.time - PATIENCE - 1), MISSING)

    assert sum("is gone; nobody waits" in record.message for record in caplog.records) == 1


def test_few_replies_to_one_queue_wait_here(clock: Clock, destinations: Destinations) -> None:
    """Those beyond a crowd are left to SQS; of those that wait each is tried again."""
    destinations.failed("q", job(0, clock.time), DENIED)
    clock.time += SETTLING
    verdicts = [destinations.failed("q", job(n, clock.time), DENIED) for n in range(CROWD + 50)]
    assert verdicts == [AGAIN] * CROWD + [LATER] * 50

    assert destinations.failed("q", job(0, clock.time), DENIED) == AGAIN
    assert destinations.failed("another", job(0, clock.time), DENIED) == AGAIN


def test_a_queue_that_may_be_new_has_few_seconds(clock: Clock, destinations: Destinations) -> None:
    """Replies beyond a crowd come again soon, since AWS knows a new queue within a second or so."""
    verdicts = [destinations.failed("q", job(n, clock.time), MISSING) for n in range(CROWD + 1)]

    assert verdicts == [AGAIN] * CROWD + [SOON]


def test_an_outage_is_waited_out(clock: Clock, destinations: Destinations) -> None:
    """While no queue takes replies all are kept, however many and however long it lasts."""
    for number in range(CROWD * 3):
        assert destinations.failed("q", job(number, clock.time - 1000), AWAY) == AGAIN


def test_trouble_of_one_queue_alone_is_its_own(clock: Clock, destinations: Destinations) -> None:
    """Where others take replies, an error that would pass makes a crowd wait elsewhere too."""
    destinations.failed("q", job(0, clock.time), AWAY)
    clock.time += SETTLING
    destinations.accepted("another", job(1, clock.time))

    verdicts = [destinations.failed("q", job(n, clock.time), AWAY) for n in range(CROWD + 5)]
    assert verdicts[-5:] == [LATER] * 5


def test_nothing_grows(clock: Clock, destinations: Destinations) -> None:
    """Any number of queues in trouble leaves few behind."""
    stand_in: Any = destinations
    for number in range(5000):
        clock.time += 1
        destinations.failed(f"q{number}", job(number, clock.time - PATIENCE - 1), MISSING)

    assert len(stand_in._troubles) <= module.MOST + 1
