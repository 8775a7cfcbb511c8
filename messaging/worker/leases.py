"""Leases: how long each message in hand stays ours, and the thread that renews them."""

from __future__ import annotations

import logging
import math
import threading
from collections import defaultdict
from dataclasses import replace
from typing import Dict, Iterator, List, NamedTuple, Optional, Sequence, Tuple

from .. import clock
from ..aws.advice import explain
from ..aws.patience import Patience
from ..aws.queue_calls import MAX_BATCH, Queue
from ..aws.trouble import is_network, is_refusal
from ..flow import threads
from ..wire.delivery import Delivery

logger = logging.getLogger(__name__)

FIRST = 5  # seconds; a message that a dead worker's poll took is redelivered after so long
LONGEST = 12 * 3600  # seconds from its receive for which SQS hides a message at most
MARGIN = 2  # seconds; SQS refuses a renewal that would pass LONGEST by its own clock
BEAT = 1.0  # seconds; the longest sleep of the thread, so how late it may notice a new lease


class Lease(NamedTuple):
    """A message that is ours for `seconds` from `start`, unless renewed."""

    delivery: Delivery
    start: float
    seconds: float

    def holds(self, now: float) -> bool:
        """Return whether the message is still hidden from others."""
        return now < self.end()

    def end(self) -> float:
        """Return when it expires."""
        return self.start + self.seconds

    def renewal(self, now: float, seconds: int) -> int:
        """Return how long it can be renewed for: `seconds`, or what is left of the 12 hours."""
        return min(seconds, math.floor(self.delivery.since + LONGEST - MARGIN - now))

    def due(self, seconds: int) -> float:
        """Return when to renew it: at half its term, or never if that would gain nothing."""
        half = self.start + self.seconds / 2
        return half if half + self.renewal(half, seconds) > self.end() else math.inf


class Leases:
    """Keeps messages hidden from other workers while they are in hand.

    A message is hidden for a few seconds when received, and for the whole visibility timeout by
    each renewal: so a short job costs no request. When a worker is killed nobody renews, and SQS
    delivers its messages to another. An expired lease is lost, whatever AWS says later: somebody
    else may have the message by now.
    """

    def __init__(self, queue: Queue, visibility_timeout: int, patience: Patience) -> None:
        self._queue = queue
        self._visibility_timeout = visibility_timeout
        self._patience = patience
        self._doing = f"renew leases of {queue.name}"
        self.first_timeout = min(FIRST, visibility_timeout)
        self._leases: Dict[str, Lease] = {}  # by message id
        self._lock = threading.Lock()
        self._beat = threading.Lock()  # held while renewals are in flight
        self._stopped = threading.Event()

    def start(self) -> None:
        """Start the thread."""
        threads.start("leases", self._step)

    def stop(self) -> None:
        """Stop renewing."""
        self._stopped.set()

    def hold(self, deliveries: Sequence[Delivery]) -> List[Delivery]:
        """Add messages received just now, hidden for `first_timeout` seconds.

        Returns those that were not in hand already; of the others only the new receipt handle
        is kept, the only one that SQS honours.
        """
        with self._lock:
            new = {}
            for each in deliveries:
                known = self._leases.get(each.message_id)
                if known and known.holds(clock.now()):
                    handle = each.receipt_handle
                    kept = replace(known.delivery, receipt_handle=handle, since=each.since)
                else:
                    kept = new[each.message_id] = each
                self._leases[each.message_id] = Lease(kept, each.since, self.first_timeout)
        return list(new.values())

    def holds(self, delivery: Delivery) -> bool:
        """Return whether the message is still hidden from others."""
        lease = self._leases.get(delivery.message_id)
        return lease is not None and lease.holds(clock.now())

    def held(self) -> List[Delivery]:
        """Return all messages that are still ours."""
        return [each.delivery for each in self._all() if each.holds(clock.now())]

    def drop(self, deliveries: Sequence[Delivery], quiet: bool = False) -> Dict[str, Lease]:
        """Renew messages no longer; return the leases of those that were ours, by message id.

        Args:
            quiet: block until renewals in flight are done, which might undo a release
        """
        with self._lock:
            dropped = [self._leases.pop(each.message_id, None) for each in deliveries]
        if quiet and any(dropped):
            with self._beat:
                pass
        now = clock.now()
        return {each.delivery.message_id: each for each in dropped if each and each.holds(now)}

    def restore(self, lease: Lease) -> None:
        """Put back a dropped lease whose message AWS failed to delete or to hide."""
        with self._lock:
            self._leases.setdefault(lease.delivery.message_id, lease)

    def _step(self) -> bool:
        with self._beat:
            wait = 0.0 if self._stopped.is_set() else self._renew()
        return not self._stopped.wait(wait)

    def _renew(self) -> float:
        """Renew every lease due within a quarter of its term, once one is due; return how long
        to wait until the next."""
        seconds, now, leases = self._visibility_timeout, clock.now(), self._all()
        if any(lease.due(seconds) <= now for lease in leases):
            due = [each for each in leases if each.due(seconds) <= now + each.seconds / 4]
            errors: List[Exception] = []
            for batch in self._batches(due):
                errors += self._renew_batch(*batch)
                if any(map(is_network, errors)):  # AWS is out of reach: others would time out too
                    break
            if errors:
                return min(BEAT, seconds / 8)
        next_due = min([each.due(seconds) for each in self._all()], default=math.inf)
        return max(0.05, min(BEAT, self.first_timeout / 2, next_due - clock.now()))

    def _batches(self, leases: Sequence[Lease]) -> Iterator[Tuple[int, List[Lease]]]:
        by_seconds: Dict[int, List[Lease]] = defaultdict(list)
        for lease in leases:
            by_seconds[lease.renewal(clock.now(), self._visibility_timeout)].append(lease)
        for seconds, group in by_seconds.items():
            for start in range(0, len(group), MAX_BATCH):
                yield seconds, group[start : start + MAX_BATCH]

    def _renew_batch(self, seconds: int, leases: Sequence[Lease]) -> List[Exception]:
        """Renew leases in one request; return the errors that are worth a retry."""
        start = clock.now()
        failures = self._queue.hide([lease.delivery for lease in leases], seconds)
        errors = [error for error in failures.values() if not is_refusal(error)]
        if errors:
            self._patience.met(self._doing, errors[0])
        else:
            self._patience.over(self._doing, start)
        with self._lock:
            for position, lease in enumerate(leases):
                self._renewed(lease, Lease(lease.delivery, start, seconds), failures.get(position))
        return errors

    def _renewed(self, old: Lease, new: Lease, error: Optional[Exception]) -> None:
        message_id = old.delivery.message_id
        if self._leases.get(message_id) is not old:  # dropped or received again meanwhile
            return
        if error is None and old.holds(clock.now()):
            self._leases[message_id] = new
        elif error is None or is_refusal(error):
            del self._leases[message_id]
            why = explain(error) if error else "AWS heard the renewal too late"
            logger.warning("Message %s is no longer ours: %s.", message_id, why)

    def _all(self) -> List[Lease]:
        with self._lock:
            return list(self._leases.values())
