"""What becomes of a reply that was not accepted depends on the error, its age and the others."""

from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import EndpointConnectionError

from messaging.aws.patience import Patience
from messaging.aws.trouble import EntryError
from messaging.worker.destinations import GIVE_UP, Destinations
from messaging.worker.job import Job, Result
from tests.unit.clock import Clock, delivery

MISSING = EntryError("QueueDoesNotExist")
DENIED = EntryError("AccessDenied", refused=True)
MISSING.refused = True
AGAIN, SOON, LATER, NEVER = "again", "soon", "later", "never"
AWAY = EndpointConnectionError(endpoint_url="http://x")


@pytest.fixture
def destinations() -> Destinations:
    """Destinations without trouble."""
    return Destinations(Patience())


def job(number: int, since: float) -> Job:
    """Return a job whose request was received at a time."""
    return Job(delivery(str(number), since), "id", "q", Result("done"))


def verdict(destinations: Destinations, queue: str, job: Job, error: Exception) -> str:
    """Return what becomes of a reply that failed."""
    let_go = destinations.failed(queue, job, error)
    if let_go is None:
        return AGAIN
    if let_go is job:
        return NEVER
    assert let_go == replace(job, retry_in=let_go.retry_in)
    return {2: SOON, 30: LATER}[let_go.retry_in or 0]


@pytest.mark.parametrize(("error", "end"), [(MISSING, NEVER), (DENIED, LATER)])
def test_a_reply_is_tried_for_as_long_as_clients_wait(
    clock: Clock, destinations: Destinations, error: Exception, end: str
) -> None:
    """A reply is retried within a minute of its receipt; then its queue is given up for a while."""
    first = job(1, clock.time)
    assert verdict(destinations, "q", first, error) == AGAIN
    clock.time += 60
    assert verdict(destinations, "q", first, error) == AGAIN
    clock.time += 0.5
    assert verdict(destinations, "q", first, error) == end

    assert verdict(destinations, "q", job(2, clock.time), error) == end
    clock.time += 60
    assert verdict(destinations, "q", job(3, clock.time), error) == end
    clock.time += 0.5
    assert verdict(destinations, "q", job(4, clock.time), error) == AGAIN


def test_a_queue_that_comes_to_be_known_is_in_no_trouble(
    clock: Clock, destinations: Destinations
) -> None:
    """A reply that is accepted ends its queue's trouble."""
    old = job(1, clock.time - GIVE_UP - 1)
    assert verdict(destinations, "q", old, MISSING) == NEVER
    destinations.accepted("q")

    assert verdict(destinations, "q", job(3, clock.time), MISSING) == AGAIN


def test_a_queue_given_up_is_told_once(
    clock: Clock, destinations: Destinations, caplog: pytest.LogCaptureFixture
) -> None:
    """A queue that was given up is reported once, not for each reply."""
    for number in range(100):
        verdict(destinations, "q", job(number, clock.time - GIVE_UP - 1), MISSING)

    assert sum("q are given up: it is gone." in record.message for record in caplog.records) == 1


def test_few_replies_to_one_queue_wait_here(clock: Clock, destinations: Destinations) -> None:
    """Two hundred replies to a queue in trouble are retried; the rest is left to SQS, for a moment
    only while the queue may be new."""
    verdicts = [verdict(destinations, "q", job(n, clock.time), DENIED) for n in range(250)]
    assert verdicts == [AGAIN] * 200 + [SOON] * 50
    clock.time += 2
    assert verdict(destinations, "q", job(249, clock.time), DENIED) == LATER

    assert verdict(destinations, "q", job(0, clock.time), DENIED) == AGAIN
    assert verdict(destinations, "another", job(0, clock.time), DENIED) == AGAIN


def test_queues_in_trouble_share_what_may_wait(clock: Clock, destinations: Destinations) -> None:
    """Replies to all queues in trouble together leave room for those that can be sent."""
    for number in range(1000):
        verdict(destinations, f"q{number % 20}", job(number, clock.time), DENIED)

    again = [verdict(destinations, f"q{n % 20}", job(n, clock.time), DENIED) for n in range(1000)]
    assert again.count(AGAIN) == 200


def test_an_outage_is_waited_out(clock: Clock, destinations: Destinations) -> None:
    """While no queue accepts replies, all are kept, however many and however long."""
    destinations.accepted("another")
    for number in range(600):
        assert verdict(destinations, "q", job(number, clock.time - 1000), AWAY) == AGAIN


def test_trouble_of_one_queue_alone_is_its_own(clock: Clock, destinations: Destinations) -> None:
    """If other queues accept replies, a transient error also sends a crowd back to SQS."""
    verdict(destinations, "q", job(0, clock.time), AWAY)
    clock.time += 2
    destinations.accepted("another")

    verdicts = [verdict(destinations, "q", job(n, clock.time), AWAY) for n in range(205)]
    assert verdicts[-5:] == [LATER] * 5


def test_nothing_grows(clock: Clock, destinations: Destinations) -> None:
    """However many queues were in trouble, few are remembered."""
    stand_in: Any = destinations
    for number in range(1000):
        clock.time += 1
        verdict(destinations, f"q{number}", job(number, clock.time - GIVE_UP - 1), MISSING)

    assert len(stand_in._troubles) <= 61


def test_trouble_is_told_until_it_is_over(
    clock: Clock, destinations: Destinations, caplog: pytest.LogCaptureFixture
) -> None:
    """The log says that a queue accepts no replies, and when it does again."""
    caplog.set_level("INFO")
    destinations.failed("q", job(1, clock.time), DENIED)
    destinations.failed("q", job(2, clock.time), DENIED)
    clock.time += 1
    destinations.accepted("q")
    destinations.accepted("another")

    said = [record.getMessage() for record in caplog.records]
    assert [line.split(":")[0] for line in said] == ["Cannot send to q", "AWS answers again."]


def test_trouble_that_lasts_is_told_anew(
    clock: Clock, destinations: Destinations, caplog: pytest.LogCaptureFixture
) -> None:
    """After a minute a queue's trouble is forgotten, and reported again if it lasts."""
    destinations.failed("q", job(1, clock.time), DENIED)
    clock.time += 61
    destinations.failed("another", job(2, clock.time), DENIED)
    destinations.failed("q", job(3, clock.time), DENIED)

    assert caplog.text.count("Cannot send to q: ") == 2


def test_a_client_that_has_just_begun_is_no_trouble(
    clock: Clock, destinations: Destinations, caplog: pytest.LogCaptureFixture
) -> None:
    """A new reply queue that AWS knows at the third attempt costs the operator no line."""
    for _ in range(2):
        destinations.failed("q", job(1, clock.time), MISSING)
        clock.time += 0.5
    destinations.accepted("q")
    assert not caplog.records

    for _ in range(3):
        destinations.failed("q", job(2, clock.time), MISSING)
    assert caplog.text.count("Cannot send to q: ") == 1
