"""Heartbeat: keeps messages hidden while they are being handled."""

from __future__ import annotations

import logging
import threading
import time
from typing import Dict, List, Mapping, NamedTuple, Sequence

from ..aws.advice import explain
from ..aws.queues import MAX_BATCH, Queue
from ..aws.trouble import is_refusal, may_be_done
from ..wire.envelope import Delivery

logger = logging.getLogger(__name__)

FIRST = 5  # seconds; a message taken by the poll of a dead worker is back after so long


class Lease(NamedTuple):
    """For how long a message is ours, in seconds of the monotonic clock."""

    due: float
    expiry: float

    @classmethod
    def of(cls, start: float, seconds: float) -> Lease:
        """Make a lease that is due for renewal at half its time."""
        return cls(start + seconds / 2, start + seconds)


class Heartbeat:
    """One thread that renews the leases of all messages held.

    A message is hidden for a few seconds when it is received, and for the whole visibility
    timeout when it is renewed: so a short job costs no request, and what the poll of a dead
    worker takes is soon back. A message whose renewal fails is lost: somebody else may have it
    by now, and `holds` says so.
    """

    def __init__(self, queue: Queue, visibility_timeout: int) -> None:
        self._queue = queue
        self._visibility_timeout = visibility_timeout
        self.first_timeout = min(FIRST, visibility_timeout)
        self._leases: Dict[Delivery, Lease] = {}
        self._beat = threading.Lock()
        self._holding = threading.Lock()
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._run, name="heartbeat", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped.set()
        if self._thread.ident:  # a start may have been interrupted
            self._thread.join()

    def hold(self, deliveries: Sequence[Delivery]) -> List[Delivery]:
        """Take messages in that were received just now, hidden for `first_timeout` seconds.

        Gives them but for those that are in hand already, which SQS now and then delivers twice.
        """
        lease = Lease.of(time.monotonic(), self.first_timeout)
        with self._holding:
            known = {each.message_id for each in list(self._leases) if self.holds(each)}
            new = {each.message_id: each for each in deliveries if each.message_id not in known}
            self._leases.update(dict.fromkeys(new.values(), lease))
        return list(new.values())

    def holds(self, delivery: Delivery) -> bool:
        """Tell whether the message is still hidden for us."""
        lease = self._leases.get(delivery)
        return lease is not None and time.monotonic() < lease.expiry

    def drop(self, deliveries: Sequence[Delivery]) -> Dict[Delivery, Lease]:
        """Let messages go, before they are deleted or released; give those that were held.

        Waits for a beat under way, which would hide a message again after its release.
        """
        if not deliveries:
            return {}
        with self._beat:
            leases = {each: self._leases.pop(each) for each in deliveries if each in self._leases}
            now = time.monotonic()
        return {delivery: lease for delivery, lease in leases.items() if now < lease.expiry}

    def restore(self, leases: Mapping[Delivery, Lease]) -> None:
        """Take messages back in that AWS did not let go."""
        self._leases.update(leases)

    def _run(self) -> None:
        pause = 0.0
        while not self._stopped.wait(pause):
            try:
                with self._beat:
                    pause = self._renew()
            except Exception as error:  # a heart that stops costs all that is held
                logger.error("The heartbeat missed a beat: %r.", error)
                logger.debug("The cause:", exc_info=error)
                pause = 1.0

    def _renew(self) -> float:
        """Renew what is due, and with it what is halfway there; give the seconds until the next."""
        now = time.monotonic()
        leases = dict(self._leases)
        if all(lease.due > now for lease in leases.values()):
            return self._seconds_until_due()
        due = [each for each, (due, expiry) in leases.items() if due - now <= (expiry - due) / 2]
        errors: List[Exception] = []
        for start in range(0, len(due), MAX_BATCH):
            errors += self._renew_batch(due[start : start + MAX_BATCH])
            if any(map(may_be_done, errors)):  # nobody hears us: the others would wait in vain
                break
        return min(1.0, self._visibility_timeout / 8) if errors else self._seconds_until_due()

    def _renew_batch(self, deliveries: Sequence[Delivery]) -> List[Exception]:
        """Renew leases by one request; give the errors after which another may succeed."""
        lease = Lease.of(time.monotonic(), self._visibility_timeout)
        failures = self._queue.hide(deliveries, self._visibility_timeout)
        errors: List[Exception] = []
        for position, delivery in enumerate(deliveries):
            error = failures.get(position)
            if error is None:
                self._leases[delivery] = lease
            elif is_refusal(error):
                self._leases.pop(delivery)
                logger.warning(
                    "Message %s is no longer ours: %s; whoever has it now will answer it.",
                    delivery.message_id,
                    explain(error),
                )
            else:
                logger.debug("Cannot renew %s: %s.", delivery.message_id, explain(error))
                errors.append(error)
        return errors

    def _seconds_until_due(self) -> float:
        """Give how long nothing has to be renewed; a second at most, for what comes meanwhile."""
        now = time.monotonic()
        due = [lease.due - now for lease in list(self._leases.values())]
        return max(0.05, min([1.0, self.first_timeout / 2, *due]))
