"""A lease lasts as long as SQS hides the message, and not a moment longer."""

from typing import Any, Dict, List, Sequence

from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from messaging.aws.patience import Patience
from messaging.aws.trouble import EntryError
from messaging.wire.delivery import Delivery
from messaging.worker.leases import FIRST, LONGEST, Lease, Leases
from tests.unit.clock import Clock, delivery


class Queue:
    """A stand-in for a queue, whose renewals a test answers."""

    name = "in"

    def __init__(self) -> None:
        self.calls: List[List[str]] = []
        self.seconds: List[int] = []
        self.failing: Dict[str, Exception] = {}
        self.meanwhile: Any = lambda: None

    def hide(self, deliveries: Sequence[Delivery], seconds: int) -> Dict[int, Exception]:
        self.calls.append([each.receipt_handle for each in deliveries])
        self.seconds.append(seconds)
        self.meanwhile()
        return {
            at: self.failing[each.message_id]
            for at, each in enumerate(deliveries)
            if each.message_id in self.failing
        }


def make(queue: Queue, seconds: int = 30) -> Leases:
    """Return leases whose thread never runs, since tests take its steps."""
    stand_in: Any = queue
    return Leases(stand_in, seconds, Patience())


def beat(leases: Leases) -> float:
    """Take a step of the thread; return how long it would wait afterwards."""
    return leases._renew()


@given(
    st.floats(0, LONGEST + 100),
    st.sampled_from([1, 5, 30, 600, LONGEST]),
    st.sampled_from([1, 5, 30, 600, LONGEST]),
)
def test_renewals_end_within_twelve_hours_of_the_receive(
    age: float, term: int, seconds: int
) -> None:
    """A renewal never exceeds SQS's twelve hours, and is due only if it gains something."""
    lease = Lease(delivery(since=0.0), age, term)
    due = lease.due(seconds)

    if due < float("inf"):
        assert due == age + term / 2
        assert 0 < lease.renewal(due, seconds) <= seconds
        assert due + lease.renewal(due, seconds) <= LONGEST
        assert due + lease.renewal(due, seconds) > lease.end()


def test_a_message_is_ours_for_five_seconds_and_renewed_at_half_of_them(clock: Clock) -> None:
    """A short job costs no renewal; a longer one is hidden for the full timeout from 2.5 s on."""
    queue = Queue()
    leases = make(queue)
    (held,) = leases.hold([delivery()])
    assert leases.first_timeout == FIRST == 5

    clock.time += 2.4
    beat(leases)
    assert queue.calls == []
    clock.time += 0.2
    beat(leases)
    assert queue.seconds == [30]

    clock.time += 29.9
    assert leases.holds(held)
    clock.time += 0.2
    assert not leases.holds(held)


def test_a_lease_that_ran_out_is_not_revived(clock: Clock) -> None:
    """A renewal that AWS accepts after the lease has expired does not restore it."""
    queue = Queue()
    leases = make(queue)
    (held,) = leases.hold([delivery()])
    clock.time += 3

    def late() -> None:
        clock.time += 10

    queue.meanwhile = late
    beat(leases)

    assert not leases.holds(held)
    assert leases.drop([held]) == {}


def test_the_newest_receipt_handle_is_used(clock: Clock) -> None:
    """A message delivered again while it is handled is not handled twice, and uses its newest
    receipt handle, with a new lease of five seconds.
    """
    leases = make(Queue())
    (held,) = leases.hold([delivery(handle="old")])
    clock.time += 4

    assert leases.hold([delivery(since=clock.time, handle="new")]) == []

    clock.time += 4
    assert leases.holds(held)
    (lease,) = leases.drop([held]).values()
    assert lease.delivery.receipt_handle == "new"


def test_an_answer_that_came_late_counts_from_when_it_was_given(clock: Clock) -> None:
    """A message that took longer to arrive than it is hidden is not ours."""
    leases = make(Queue())
    (held,) = leases.hold([delivery(since=clock.time - FIRST)])

    assert not leases.holds(held)


def test_all_that_is_due_is_renewed_by_tens(clock: Clock) -> None:
    """Forty-five leases cost five requests, which include leases that are nearly due."""
    queue = Queue()
    leases = make(queue)
    leases.hold([delivery(str(number)) for number in range(40)])
    clock.time += 1.2
    leases.hold([delivery(f"later {number}", since=clock.time) for number in range(5)])
    clock.time += 1.4

    beat(leases)

    assert [len(call) for call in queue.calls] == [10, 10, 10, 10, 5]


def test_a_stubborn_renewal_costs_the_others_nothing(clock: Clock) -> None:
    """An entry that fails in every batch loses its own lease only."""
    queue = Queue()
    queue.failing["3"] = EntryError("InternalError")
    leases = make(queue)
    held = leases.hold([delivery(str(number)) for number in range(25)])

    for _ in range(100):
        clock.time += min(beat(leases), 1.0)

    assert [each.message_id for each in held if not leases.holds(each)] == ["3"]


def test_a_refused_renewal_is_the_end_of_its_lease(clock: Clock) -> None:
    """A message that SQS no longer counts as ours has no lease."""
    queue = Queue()
    queue.failing["0"] = EntryError("ReceiptHandleIsInvalid", refused=True)
    leases = make(queue)
    held = leases.hold([delivery("0"), delivery("1")])
    clock.time += 2.6

    beat(leases)

    assert [leases.holds(each) for each in held] == [False, True]


def test_a_network_that_swallows_is_asked_once_a_beat(clock: Clock) -> None:
    """If no request gets through, no further batch is tried in that step, and the next step is."""
    queue = Queue()
    error = EndpointConnectionError(endpoint_url="http://x")
    queue.failing = {str(number): error for number in range(30)}
    leases = make(queue)
    leases.hold([delivery(str(number)) for number in range(30)])
    clock.time += 2.6

    assert 0 < beat(leases) <= 1
    assert len(queue.calls) == 1


def test_what_cannot_be_renewed_any_more_does_not_spin(clock: Clock) -> None:
    """At twelve hours the thread waits, and the lease expires."""
    queue = Queue()
    leases = make(queue, LONGEST)
    (held,) = leases.hold([delivery()])
    clock.time += 2.6
    beat(leases)
    assert queue.seconds == [LONGEST - 5]

    clock.time += LONGEST - 10
    assert leases.holds(held)
    assert beat(leases) > 0.5
    clock.time += 10
    assert not leases.holds(held)
    assert len(queue.calls) == 1
