"""A lease lasts as long as SQS hides the message, and not a moment longer."""

import threading
from typing import Any, Dict, List, Sequence

import pytest
from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from messaging.aws.patience import Patience
from messaging.aws.trouble import EntryError
from messaging.wire.delivery import Delivery
from messaging.worker.leases import FIRST, LONGEST, Lease, Leases
from tests.unit.clock import Clock, delivery


class Stopped:
    """A stand-in for an event, whose waits take no time."""

    def __init__(self) -> None:
        self.waits: List[float] = []
        self.over = False

    def set(self) -> None:
        self.over = True

    def is_set(self) -> bool:
        return self.over

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return self.over


class Queue:
    """A stand-in for a queue, whose renewals a test answers."""

    name = "in"

    def __init__(self) -> None:
        self.calls: List[List[str]] = []
        self.seconds: List[int] = []
        self.deleted: List[str] = []
        self.failing: Dict[str, Exception] = {}
        self.meanwhile: Any = lambda: None

    def delete(self, deliveries: Sequence[Delivery]) -> Dict[int, Exception]:
        self.deleted += [each.receipt_handle for each in deliveries]
        return self._failures(deliveries)

    def hide(self, deliveries: Sequence[Delivery], seconds: int) -> Dict[int, Exception]:
        self.calls.append([each.receipt_handle for each in deliveries])
        self.seconds.append(seconds)
        self.meanwhile()
        return self._failures(deliveries)

    def _failures(self, deliveries: Sequence[Delivery]) -> Dict[int, Exception]:
        return {
            at: self.failing[each.message_id]
            for at, each in enumerate(deliveries)
            if each.message_id in self.failing
        }


def make(queue: Queue, seconds: int = 30) -> Leases:
    """Return leases whose thread never runs, since tests take its steps."""
    stand_in: Any = queue
    return Leases(stand_in, seconds, Patience())


def beat(leases: Leases) -> None:
    """Take a step of the thread, without its wait."""
    leases._renew()


@given(
    st.floats(0, LONGEST + 100),
    st.sampled_from([1, 5, 30, 600, LONGEST]),
    st.sampled_from([1, 5, 30, 600, LONGEST]),
)
def test_renewals_end_within_twelve_hours_of_the_receive(
    age: float, term: int, seconds: int
) -> None:
    """A renewal never exceeds SQS's twelve hours, and is due only if it gains something."""
    lease = Lease(delivery(since=0.0), age, age + term)
    due = (lease.start + lease.end) / 2

    assert lease.renewal(due - 0.01, seconds) == 0
    renewal = lease.renewal(due, seconds)
    if renewal:
        assert 0 < renewal <= seconds
        assert due + renewal <= LONGEST
        assert due + renewal > lease.end
    else:
        assert min(due + seconds, LONGEST) - 1 < lease.end


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
    leases.end([held])
    assert queue.deleted == []


def test_the_newest_receipt_handle_is_used(clock: Clock) -> None:
    """A message delivered again while it is handled is not handled twice, and uses its newest
    receipt handle, with a new lease of five seconds.
    """
    queue = Queue()
    leases = make(queue)
    (held,) = leases.hold([delivery(handle="old")])
    clock.time += 4

    assert leases.hold([delivery(since=clock.time, handle="new")]) == []

    clock.time += 4
    assert leases.holds(held)
    leases.end([held])
    assert queue.deleted == ["new"]


def test_an_answer_that_came_late_counts_from_when_it_was_given(clock: Clock) -> None:
    """A message that took longer to arrive than it is hidden is not ours."""
    leases = make(Queue())
    (held,) = leases.hold([delivery(since=clock.time - FIRST)])

    assert not leases.holds(held)


def test_all_that_is_due_is_renewed_by_tens(clock: Clock) -> None:
    """Forty-five leases cost five requests, and those that are not due none."""
    queue = Queue()
    leases = make(queue)
    leases.hold([delivery(str(number)) for number in range(45)])
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
        clock.time += 0.625
        beat(leases)

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


def test_a_network_that_swallows_is_asked_again_at_the_next_beat(clock: Clock) -> None:
    """After an outage leases that still hold are renewed."""
    queue = Queue()
    error = EndpointConnectionError(endpoint_url="http://x")
    queue.failing = {str(number): error for number in range(30)}
    leases = make(queue)
    held = leases.hold([delivery(str(number)) for number in range(30)])
    clock.time += 2.6
    beat(leases)
    queue.failing.clear()
    clock.time += 0.625
    beat(leases)
    clock.time += 29

    assert all(leases.holds(each) for each in held)


def test_what_cannot_be_renewed_any_more_is_left_alone(clock: Clock) -> None:
    """At twelve hours no renewal is sent, and the lease expires."""
    queue = Queue()
    leases = make(queue, 43200)
    (held,) = leases.hold([delivery()])
    clock.time += 2.6
    beat(leases)
    assert queue.seconds == [43195]

    clock.time += LONGEST - 10
    assert leases.holds(held)
    beat(leases)
    clock.time += 10
    assert not leases.holds(held)
    beat(leases)
    assert len(queue.calls) == 1


def test_the_thread_looks_sixteen_times_in_a_first_term(clock: Clock) -> None:
    """A lease is renewed soon after half its term, until the thread is stopped."""
    queue = Queue()
    leases: Any = make(queue)
    leases._stopped = stopped = Stopped()
    (held,) = leases.hold([delivery()])
    assert leases.step()
    clock.time += 2.5
    assert leases.step()
    assert queue.seconds == [30]
    assert stopped.waits == [5 / 16, 5 / 16]

    assert leases.stop() == [leases._leases[held.message_id].delivery]
    clock.time += 16
    assert not leases.step()
    assert queue.seconds == [30]


def test_a_lease_that_expired_is_told_once_and_forgotten(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """An expired lease is logged once, and neither kept nor renewed."""
    queue = Queue()
    leases = make(queue)
    leases.hold([delivery()])
    clock.time += 5
    beat(leases)
    beat(leases)

    assert caplog.text.count("Message id is no longer ours: its lease expired.") == 1
    assert leases.stop() == []
    assert queue.calls == []


def test_a_message_received_again_during_a_beat_keeps_its_new_lease(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    """A beat that has seen the old lease expire does not take the new one for it."""

    class Racing(Dict[str, Lease]):
        def copy(self) -> Dict[str, Lease]:
            seen = dict(self)
            leases.hold([delivery(since=clock.time, handle="new")])
            return seen

    leases = make(Queue())
    leases._leases = Racing()
    leases.hold([delivery(handle="old")])
    clock.time += 6
    beat(leases)

    (kept,) = leases.stop()
    assert kept.receipt_handle == "new"
    assert caplog.text == ""


def test_what_could_not_be_ended_stays_ours(clock: Clock) -> None:
    """A deletion that failed keeps its lease and is to be retried; one that was refused is not."""
    queue = Queue()
    queue.failing["1"] = EntryError("InternalError")
    queue.failing["2"] = EntryError("ReceiptHandleIsInvalid", refused=True)
    leases = make(queue)
    held = leases.hold([delivery(str(number)) for number in range(3)])

    assert leases.end(held) == {"1"}

    assert [leases.holds(each) for each in held] == [False, True, False]


def test_what_came_again_while_it_was_ended_goes_by_its_new_handle(clock: Clock) -> None:
    """A failed release does not bring an old receipt handle back."""
    queue = Queue()
    queue.failing["id"] = EntryError("InternalError")
    leases = make(queue)
    (held,) = leases.hold([delivery(handle="old")])
    queue.meanwhile = lambda: leases.hold([delivery(handle="new")])

    assert leases.end([held], 0) == {"id"}

    (kept,) = leases.stop()
    assert kept.receipt_handle == "new"


def test_a_release_waits_for_renewals_under_way_and_a_deletion_does_not(clock: Clock) -> None:
    """A release waits, since a renewal that arrives later would hide the message again."""
    queue = Queue()
    leases = make(queue)
    first, second = leases.hold([delivery("1"), delivery("2")])
    releasing = threading.Thread(target=leases.end, args=([second], 0), daemon=True)
    with leases._beat:
        leases.end([first])
        releasing.start()
        releasing.join(0.1)
        assert queue.deleted == ["handle"]
        assert queue.seconds == []
    releasing.join(5)

    assert queue.seconds == [0]
