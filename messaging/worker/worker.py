"""Worker: receives requests, has them handled and settled, and stops within a bound."""

from __future__ import annotations

import logging
import os
import socket
from concurrent.futures import TimeoutError as OutOfTime
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from queue import SimpleQueue
from typing import Callable, List, Sequence

from .. import clock
from ..aws.advice import explain
from ..aws.connection import ANSWER, HASTY, LONG_POLL, Connection
from ..aws.patience import Patience
from ..aws.queue_calls import MAX_BATCH, Queue
from ..aws.storage import Storage
from ..aws.trouble import AWS_ERRORS
from ..errors import ConfigurationError, MessagingError
from ..flow import threads
from ..flow.batcher import Batcher
from ..flow.intake import Intake
from ..wire.delivery import Delivery
from .handling import Handler, Handling
from .leases import Leases
from .options import WorkerOptions
from .settlement import Settlement

logger = logging.getLogger(__name__)

STOP = 20.0  # seconds from a stop to the exit, unless running jobs take longer
SETTLE = 4.0  # seconds left at least, after the last job, to settle it, or to release it
MOST_POLLS = 8  # at a time; one thread has to renew within seconds all that they bring
DRAIN_POLL = 2  # seconds; one poll so long without a message means that the queue is empty
# After a message polls are short for a while: a killed worker's poll in flight swallows messages.
LIVELY, LIVELY_POLL = 10.0, 1  # seconds

STOPPED, DRAINED = "stopped", "drained"


@dataclass
class Worker:
    """Answers the requests of one queue until it is stopped.

    The order is result, log, reply, delete: a crash at any point repeats work and loses nothing.

    Args:
        inbox: the input queue
        storage: the bucket for log objects and claim checks
        part: the folder of the log objects
        handler: does the work; raises RequestRejected to refuse a request for good
    """

    connection: Connection
    inbox: Queue
    storage: Storage
    part: str
    handler: Handler
    options: WorkerOptions

    def __post_init__(self) -> None:
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self._last_arrival = clock.now()
        self._has_run = False
        self._events: SimpleQueue[object] = SimpleQueue()
        self._patience = patience = Patience(self.connection.renew)
        # One attempt each, since botocore's own retries would outlast the bound of a stop.
        client, settings = partial(self.connection.client, attempts=1), self.connection.settings
        self._polls = replace(self.inbox, sqs=client("sqs", seconds=ANSWER + LONG_POLL))
        sends = replace(self.inbox, sqs=client("sqs", seconds=ANSWER))
        renewals = replace(self.inbox, sqs=client("sqs", seconds=HASTY))
        storage = replace(self.storage, s3=client("s3", seconds=ANSWER))
        self._leases = leases = Leases(renewals, self.options.visibility_timeout, patience)
        self._handling = Handling(self.handler, storage, leases, patience, settings, self.options)
        self._settlement = Settlement(
            sends, storage, self.part, self.name, leases, patience, self._events.put
        )
        # A full poll that asked for fewer is no sign of a backlog.
        self._intake = Intake(self._receive, MAX_BATCH, MOST_POLLS, give_back=self._give_back)

    def run(self) -> None:
        """Block until the queue is drained, or until `stop` or KeyboardInterrupt.

        Raises ConfigurationError if no job can be settled, such as for a missing permission.
        """
        if self._has_run:  # what has ended would handle nothing, and wait for ever
            raise MessagingError("a Worker runs once: make another one")
        self._has_run = True
        cause: object = STOPPED
        with suppress(KeyboardInterrupt):
            threads.start("leases", self._leases.step)
            for _ in range(self.options.concurrency):
                threads.start("lane", self._lane)
            name = self.inbox.name
            logger.info("%s reads %s; Ctrl-C stops it within %d s", self.name, name, STOP)
            cause = self._events.get()
        if cause == STOPPED:
            logger.info("Stopping when what runs is done; once more to stop at once.")
        self._finish()
        if isinstance(cause, AWS_ERRORS):
            raise ConfigurationError(f"cannot bring results home: {explain(cause)}") from cause

    def stop(self) -> None:
        """Make `run` return; may be called by a signal handler."""
        self._events.put(STOPPED)

    def _lane(self) -> bool:
        """Take a request and handle it; return whether there may be another."""
        taken = self._intake.take()
        for delivery in taken:
            try:
                if self._leases.holds(delivery) and not self._settlement.is_repeated(delivery):
                    self._settlement.put(self._handling.handle(delivery))
            except BaseException:  # of ours: SQS redelivers the message
                self._leases.drop([delivery])
                raise
            finally:
                self._intake.done()
        return bool(taken)

    def _receive(self, backlog: bool) -> List[Delivery]:
        """Poll, for as long as that pays; return what is not in hand already."""
        drain, lively = self.options.drain, clock.now() - self._last_arrival < LIVELY
        wait = DRAIN_POLL if drain else LIVELY_POLL if lively else LONG_POLL
        limits = self.options.batch, 0 if backlog else wait, self._leases.first_timeout
        receive = partial(self._polls.receive, *limits)
        try:
            received = self._patience(receive, f"receive from {self.inbox.name}", lambda _: True)
        except AWS_ERRORS:  # logged already; we are stopping
            return []
        if received:
            self._last_arrival = clock.now()
        elif drain and not backlog:  # empty: the end, once all that was received is settled
            self._intake.close()
            self._intake.join()
            self._settlement.each(Batcher.join)
            self._events.put(DRAINED)
        return self._leases.hold(received)

    def _finish(self) -> None:
        """Finish running jobs, settle them, and release the rest, within the bound of a stop."""
        deadline = clock.now() + STOP
        self._patience.stop(STOP - ANSWER - SETTLE)  # so that the last attempt is over in time
        self._settlement.each(Batcher.hurry)
        self._give_back(self._intake.close())
        self._intake.join()  # jobs may take their time
        deadline = max(deadline, clock.now() + SETTLE) - HASTY
        self._patience.stop(deadline - clock.now())
        _try(partial(self._settlement.each, Batcher.join), deadline)
        self._patience.stop(0)  # only polls are left, and nobody wants what they bring
        _try(self._intake.join_polls, deadline)
        self._settlement.each(Batcher.close)
        self._give_back(self._leases.stop())

    def _give_back(self, deliveries: Sequence[Delivery]) -> None:
        """Release what was not begun, or could not be settled, as far as the time allows.

        The rest is visible again when its visibility timeout is over.
        """
        _try(partial(self._leases.end, deliveries, 0), clock.now() + HASTY)


def _try(call: Callable[[], object], deadline: float) -> None:
    """Wait for a call until the deadline; after that it is left alone."""
    with suppress(OutOfTime):
        threads.background("stop", call).result(max(0.0, deadline - clock.now()))
