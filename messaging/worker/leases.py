"""Leases: how long each message in hand stays ours, and the thread that renews them."""

import logging
import math
import threading
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence, Set

from .. import clock
from ..aws.patience import Patience
from ..aws.queue_calls import MAX_BATCH, Queue
from ..aws.trouble import is_refusal
from ..wire.delivery import Delivery

logger = logging.getLogger(__name__)

FIRST = 5  # seconds; a message that a dead worker's poll took is redelivered after so long
LONGEST = 12 * 3600 - 2  # seconds from its receive; SQS refuses to hide a message for 12 hours


@dataclass
class Lease:
    """A message that is ours from `start` to `end`, unless renewed."""

    delivery: Delivery
    start: float
    end: float

    def holds(self, now: float) -> bool:
        """Return whether the message is still hidden from others."""
        return now < self.end

    def renewal(self, now: float, seconds: int) -> int:
        """Return for how long to renew it now; 0 if it is too early, or would gain nothing.

        From half its term on that is `seconds`, or what is left of the 12 hours.
        """
        most = min(seconds, math.floor(self.delivery.since + LONGEST - now))
        due = (self.start + self.end) / 2 <= now < self.end
        return most if due and now + most > self.end else 0


class Leases:
    """Keeps messages hidden from other workers while they are in hand.

    A message is hidden for a few seconds when received, and for the whole visibility timeout by
    each renewal: so a short job costs no request. When a worker is killed nobody renews, and SQS
    delivers its messages to another. An expired lease is lost, whatever AWS says later: somebody
    else may have the message by now.
    """

    def __init__(self, queue: Queue, visibility_timeout: int, patience: Patience) -> None:
        self._queue = queue
        self._seconds = visibility_timeout
        self._patience = patience
        self.first_timeout = min(FIRST, visibility_timeout)
        self._leases: Dict[str, Lease] = {}  # by message id; each step on it is atomic
        self._beat = threading.Lock()  # held while renewals are in flight
        self._stopped = threading.Event()

    def step(self) -> bool:
        """Renew what is due, and wait for the next beat; return whether there is one."""
        with self._beat:
            if not self._stopped.is_set():
                self._renew()
        return not self._stopped.wait(self.first_timeout / 16)

    def stop(self) -> List[Delivery]:
        """Renew nothing any more; return the messages that are still ours."""
        self._stopped.set()
        return [lease.delivery for lease in list(self._leases.values())]

    def hold(self, deliveries: Sequence[Delivery]) -> List[Delivery]:
        """Add messages received just now; return those that were not in hand already.

        Of the others only the new receipt handle is kept, the only one that SQS honours.
        """
        new = []
        for each in deliveries:
            if not self.holds(each):
                new.append(each)
            end = each.since + self.first_timeout
            self._leases[each.message_id] = Lease(each.bare(), each.since, end)
        return new

    def holds(self, delivery: Delivery) -> bool:
        """Return whether the message is still hidden from others."""
        lease = self._leases.get(delivery.message_id)
        return lease is not None and lease.holds(clock.now())

    def drop(self, deliveries: Sequence[Delivery]) -> List[Lease]:
        """Renew messages no longer, so that SQS redelivers them; return the leases that held."""
        leases = [self._leases.pop(each.message_id, None) for each in deliveries]
        return [lease for lease in leases if lease and lease.holds(clock.now())]

    def end(self, deliveries: Sequence[Delivery], pause: Optional[int] = None) -> Set[str]:
        """Delete messages, or hide them for a last `pause`, as far as they are ours.

        Returns the ids of those for which that is to be retried; they stay ours.
        """
        leases = self.drop(deliveries)
        if pause is not None:
            with self._beat:  # a renewal in flight might undo it
                pass
        again = {lease.delivery.message_id: lease for lease in self._ask(leases, pause)}
        for message_id, lease in again.items():
            self._leases.setdefault(message_id, lease)  # unless received again meanwhile
        return set(again)

    def _renew(self) -> None:
        """Renew the leases that are due, and forget those that expired."""
        now, leases = clock.now(), self._leases.copy()
        for message_id, lease in leases.items():
            # A message received again meanwhile has a new lease, which stays.
            if not lease.holds(now) and self._leases.get(message_id) is lease:
                self.drop([lease.delivery])
                logger.warning("Message %s is no longer ours: its lease expired.", message_id)
        terms = [(lease, lease.renewal(now, self._seconds)) for lease in leases.values()]
        for seconds in {term for _, term in terms} - {0}:
            due = [lease for lease, term in terms if term == seconds]
            for first in range(0, len(due), MAX_BATCH):
                self._renew_batch(due[first : first + MAX_BATCH], seconds)

    def _renew_batch(self, leases: List[Lease], seconds: int) -> None:
        start = clock.now()
        again = self._ask(leases, seconds)
        for lease in leases:
            if lease not in again and lease.holds(clock.now()):
                lease.start, lease.end = start, start + seconds

    def _ask(self, leases: List[Lease], seconds: Optional[int]) -> List[Lease]:
        """Hide messages for that long, or delete them for None; return those to retry.

        What SQS refuses is no longer ours.
        """
        queue, began = self._queue, clock.now()
        doing = f"{'delete' if seconds is None else 'hide'} requests in {queue.name}"
        deliveries = [lease.delivery for lease in leases]
        failures = queue.delete(deliveries) if seconds is None else queue.hide(deliveries, seconds)
        passing = {at: error for at, error in failures.items() if not is_refusal(error)}
        for at in failures.keys() - passing.keys():
            leases[at].end = began
        if passing:
            self._patience.met(doing, next(iter(passing.values())))
        else:
            self._patience.over(doing, began)
        return [leases[at] for at in passing]
