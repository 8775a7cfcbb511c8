"""Heartbeat: keeps messages hidden while they are being handled."""

import logging
import threading
import time
from typing import Dict, List, Sequence

from .envelope import Delivery
from .queues import Queue
from .trouble import AWS_ERRORS, explain

logger = logging.getLogger(__name__)


class Heartbeat:
    """One thread that renews all messages held, first at half their visibility timeout.

    So a job shorter than that costs no request. A message whose renewal fails is lost: somebody
    else may have it by now, and `holds` says so.
    """

    def __init__(self, queue: Queue, visibility_timeout: int) -> None:
        self._queue = queue
        self._visibility_timeout = visibility_timeout
        self._expiry: Dict[Delivery, float] = {}
        self._beat = threading.Lock()
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

    def hold(self, deliveries: Sequence[Delivery]) -> None:
        """Take messages in that were received just now."""
        expiry = time.monotonic() + self._visibility_timeout
        self._expiry.update(dict.fromkeys(deliveries, expiry))

    def holds(self, delivery: Delivery) -> bool:
        """Tell whether the message is still hidden for us."""
        return time.monotonic() < self._expiry.get(delivery, 0)

    def drop(self, deliveries: Sequence[Delivery]) -> List[Delivery]:
        """Let messages go, before they are deleted or released; give those that were held.

        Waits for a beat under way, which would hide a message again after its release.
        """
        with self._beat:
            held = [delivery for delivery in deliveries if self.holds(delivery)]
            for delivery in deliveries:
                self._expiry.pop(delivery, None)
        return held

    def _run(self) -> None:
        pause = self._visibility_timeout / 2
        while not self._stopped.wait(pause):
            with self._beat:
                pause = self._renew()

    def _renew(self) -> float:
        """Renew what is due within a quarter of the timeout; give the seconds until the next."""
        now, timeout = time.monotonic(), self._visibility_timeout
        expiry = dict(self._expiry)
        if min(expiry.values(), default=now + timeout) - now > timeout / 2:
            return self._seconds_until_due()
        due = [delivery for delivery in expiry if expiry[delivery] - now <= timeout * 3 / 4]
        try:
            failures = self._queue.hide(due, timeout)
        except AWS_ERRORS as error:
            logger.debug("Cannot renew %d messages: %s.", len(due), explain(error))
            return min(1.0, timeout / 8)
        for position, delivery in enumerate(due):
            if position in failures:
                self._expiry.pop(delivery, None)
                logger.warning(
                    "Message %s is no longer ours (%s); whoever has it now will answer it.",
                    delivery.message_id,
                    failures[position],
                )
            elif delivery in self._expiry:
                self._expiry[delivery] = now + timeout
        return self._seconds_until_due()

    def _seconds_until_due(self) -> float:
        """What is taken in from now on is due later than this."""
        now, timeout = time.monotonic(), self._visibility_timeout
        first = min(list(self._expiry.values()), default=now + timeout)
        return max(0.05, first - timeout / 2 - now)
