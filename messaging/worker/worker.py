"""Worker: receives requests, has them handled and settled, and stops within a bound."""

from __future__ import annotations

import logging
import os
import socket
from dataclasses import replace
from queue import Empty, SimpleQueue
from typing import Sequence, Union

from .. import clock
from ..aws.advice import explain
from ..aws.bucket import Storage
from ..aws.connection import ANSWER, HASTY, Connection
from ..aws.patience import Patience
from ..aws.queue_calls import MAX_BATCH, Queue
from ..aws.trouble import AWS_ERRORS, is_network
from ..errors import ConfigurationError
from ..flow import threads
from ..wire.delivery import Delivery
from .handling import Handler, Handling
from .lanes import Lanes
from .leases import Leases
from .options import WorkerOptions
from .settlement import Settlement

logger = logging.getLogger(__name__)

STOP = 20.0  # seconds from a stop to the exit, unless running jobs take longer
SETTLE = 4.0  # seconds left at least, after the last job, to settle it
GIVE_BACK = 2.0  # seconds of these that are kept to release what could not be settled
FOREVER = float("inf")

STOPPED, DRAINED, IDLE, SETTLED = "stopped", "drained", "idle", "settled"
Event = Union[str, Exception, None]


class Worker:
    """Answers the requests of one queue until it is stopped.

    The order is result, log, reply, delete: a crash at any point repeats work and loses nothing.

    Args:
        inbox: the input queue
        storage: the bucket for log objects and claim checks
        part: the folder of the log objects
        handler: does the work; raises RequestRejected to refuse a request for good
    """

    def __init__(
        self,
        connection: Connection,
        inbox: Queue,
        storage: Storage,
        part: str,
        handler: Handler,
        options: WorkerOptions,
    ) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self._events: SimpleQueue[Event] = SimpleQueue()
        self._patience = patience = Patience(connection.renew)
        self._inbox = replace(inbox, sqs=connection.client("sqs", attempts=1, seconds=ANSWER))
        # A renewal that hangs must not make the other leases expire.
        self._hasty = replace(inbox, sqs=connection.client("sqs", attempts=1, seconds=HASTY))
        self._leases = leases = Leases(self._hasty, options.visibility_timeout, patience)
        # Botocore's own retries would outlast the bound of a stop.
        storage = replace(storage, s3=connection.client("s3", attempts=1, seconds=ANSWER))
        self._settlement = Settlement(
            self._inbox, storage, part, self.name, leases, patience, self._events.put
        )
        self._lanes = Lanes(
            connection,
            inbox,
            Handling(handler, storage, leases, patience, connection.settings, options),
            self._settlement,
            leases,
            patience,
            options,
            lambda: self._events.put(DRAINED),
            self._give_back,
        )

    def run(self) -> None:
        """Block until the queue is drained, or until `stop` or KeyboardInterrupt.

        Raises ConfigurationError if no job can be settled, such as for a missing permission.
        """
        self._leases.start()
        self._lanes.start()
        logger.info("%s reads %s; Ctrl-C stops it within %d s", self.name, self._inbox.name, STOP)
        try:
            cause = self._next_event(FOREVER)
        except KeyboardInterrupt:
            cause = STOPPED
        self._finish(cause)
        if isinstance(cause, AWS_ERRORS):
            raise ConfigurationError(f"cannot bring results home: {explain(cause)}") from cause

    def stop(self) -> None:
        """Make `run` return; may be called by a signal handler."""
        self._events.put(STOPPED)

    def _finish(self, cause: Event) -> None:
        """Finish running jobs, settle them, and release the rest, after a stop within its bound."""
        if cause == STOPPED:
            logger.info("Stopping when what runs is done; once more to stop at once.")
        deadline = FOREVER if cause == DRAINED else self._stop_by()
        self._settlement.hurry()
        threads.background("finish", self._end_in_order)
        event, idle = cause, False
        while event not in (SETTLED, None):
            event = self._next_event(deadline if idle else FOREVER)  # jobs may take their time
            idle = idle or event == IDLE
            if event == STOPPED and deadline == FOREVER:
                deadline = self._stop_by()
            elif event == IDLE and deadline < FOREVER:
                deadline = max(deadline, clock.now() + SETTLE)
                self._patience.stop(deadline - GIVE_BACK - clock.now())
        self._patience.end()
        self._settlement.close()
        self._leases.stop()
        self._give_back(self._leases.held(), GIVE_BACK)

    def _next_event(self, deadline: float) -> Event:
        """Block until the next event; None once the deadline is reached."""
        left = deadline - GIVE_BACK - clock.now()
        try:
            return self._events.get(timeout=None if deadline == FOREVER else max(0.0, left))
        except Empty:
            return None

    def _stop_by(self) -> float:
        """Bound all retries from now on, and return when the worker has to have ended.

        They end early enough for the last attempt to be over in time.
        """
        self._patience.stop(STOP - ANSWER - SETTLE)
        return clock.now() + STOP

    def _end_in_order(self) -> None:
        """Report when no job runs any more, and when all is settled, whatever fails meanwhile."""
        intake = self._lanes.intake
        try:
            self._give_back(intake.close())
        finally:
            intake.join()
            self._events.put(IDLE)
            try:
                self._settlement.join()
                self._patience.stop(0)  # only polls are left, and nobody wants what they bring
                intake.join_polls()
            finally:
                self._events.put(SETTLED)

    def _give_back(self, deliveries: Sequence[Delivery], seconds: float = SETTLE) -> None:
        """Release what was not begun, or could not be settled, as far as the time allows.

        The rest is visible again when its visibility timeout is over.
        """
        until = clock.now() + seconds
        leases = self._leases.drop(deliveries, quiet=True)
        left = [lease.delivery for lease in leases.values()]
        for start in range(0, len(left), MAX_BATCH):
            errors = self._hasty.hide(left[start : start + MAX_BATCH], 0).values()
            for error in errors:
                logger.debug("A request comes back by itself: %s.", explain(error))
            if any(map(is_network, errors)) or clock.now() > until:
                break
