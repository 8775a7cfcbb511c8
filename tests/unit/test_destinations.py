"""What becomes of a reply that was not accepted depends on the error, its age and the others."""

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
    Destinations,
)
from messaging.worker.job import Job, Result
from tests.unit.clock import Clock, delivery

MISSING = EntryError("QueueDoesNotExist")
DENIED = EntryError("AccessDenied", refused=True)
MISSING.refused = True
AWAY = EndpointConnectionError(endpoint_url="http://x")


@pytest.fixture
def destinations() -> Destinations:
    """Destinations without trouble."""
    return Destinations(Patience())


def job(number: int, since: float) -> Job:
    """Return a job whose request was received at a time."""
    return Job(delivery(str(number), since), "id", "q", Result("done"))


@pytest.mark.parametrize(("error", "end"), [(MISSING, NEVER), (DENIED, LATER)])
def test_a_reply_is_tried_for_as_long_as_clients_wait(
    clock: Clock, destinations: Destinations, error: Exception, end: str
) -> None:
    """A reply is retried within a minute of its receipt; then its queue is given up for a while."""
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
    """A reply that is accepted ends its queue's trouble."""
    old = job(1, clock.time - PATIENCE - 1)
    assert destinations.failed("q", old, MISSING) == NEVER
    destinations.accepted("q", job(2, clock.time))

    assert destinations.failed("q", job(3, clock.time), MISSING) == AGAIN


def test_a_queue_given_up_is_told_once(
    clock: Clock, destinations: Destinations, caplog: pytest.LogCaptureFixture
) -> None:
    """A queue that was given up is reported once, not for each reply."""
    for number in range(100):
        destinations.failed("q", job(number, clock.time - PATIENCE - 1), MISSING)

    assert sum("is gone; nobody waits" in record.message for record in caplog.records) == 1


def test_few_replies_to_one_queue_wait_here(clock: Clock, destinations: Destinations) -> None:
    """Of replies to one queue in trouble a few are retried; the rest is left to SQS."""
    verdicts = [destinations.failed("q", job(n, clock.time), DENIED) for n in range(CROWD + 50)]
    assert verdicts == [AGAIN] * CROWD + [LATER] * 50

    assert destinations.failed("q", job(0, clock.time), DENIED) == AGAIN
    assert destinations.failed("another", job(0, clock.time), DENIED) == AGAIN


def test_an_outage_is_waited_out(clock: Clock, destinations: Destinations) -> None:
    """While no queue accepts replies, all are kept, however many and however long."""
    for number in range(CROWD * 3):
        assert destinations.failed("q", job(number, clock.time - 1000), AWAY) == AGAIN


def test_trouble_of_one_queue_alone_is_its_own(clock: Clock, destinations: Destinations) -> None:
    """If other queues accept replies, a transient error also sends a crowd back to SQS."""
    destinations.failed("q", job(0, clock.time), AWAY)
    clock.time += 1
    destinations.accepted("another", job(1, clock.time))

    verdicts = [destinations.failed("q", job(n, clock.time), AWAY) for n in range(CROWD + 5)]
    assert verdicts[-5:] == [LATER] * 5


def test_nothing_grows(clock: Clock, destinations: Destinations) -> None:
    """However many queues were in trouble, few are remembered."""
    stand_in: Any = destinations
    for number in range(5000):
        clock.time += 1
        destinations.failed(f"q{number}", job(number, clock.time - PATIENCE - 1), MISSING)

    assert len(stand_in._troubles) <= module.MOST + 1
