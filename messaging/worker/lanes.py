"""Lanes: the threads that receive requests and handle them."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, List, Sequence

from .. import clock
from ..aws.connection import LONG_POLL, Connection
from ..aws.patience import Patience
from ..aws.queue_calls import MAX_BATCH, Queue
from ..aws.trouble import AWS_ERRORS
from ..flow import threads
from ..flow.intake import Intake
from ..wire.delivery import Delivery
from .handling import Handling
from .leases import Leases
from .options import WorkerOptions
from .settlement import Settlement

MOST_POLLS = 8  # at a time; one thread has to renew within seconds all that they bring
DRAIN_POLL = 2  # seconds; one poll so long without a message means that the queue is empty
# After a message polls are short for a while: a killed worker's poll in flight swallows messages.
LIVELY, LIVELY_POLL = 10.0, 1  # seconds


class Lanes:
    """Threads that each take a request, handle it, pass it on to be settled, and take the next.

    Args:
        drained: called when the queue is empty, if the options ask to end then
        give_back: releases messages that were received too late
    """

    def __init__(
        self,
        connection: Connection,
        inbox: Queue,
        handling: Handling,
        settlement: Settlement,
        leases: Leases,
        patience: Patience,
        options: WorkerOptions,
        drained: Callable[[], object],
        give_back: Callable[[Sequence[Delivery]], object],
    ) -> None:
        self._inbox = replace(inbox, sqs=connection.client("sqs", attempts=1))
        self._handling = handling
        self._settlement = settlement
        self._leases = leases
        self._patience = patience
        self._options = options
        self._tell_drained = drained
        self._drained = False
        self._last_arrival = clock.now()
        self.intake: Intake[Delivery] = Intake(
            self._receive,
            MAX_BATCH,  # a full poll that asked for fewer is no sign of a backlog
            min(options.concurrency, MOST_POLLS),
            lambda: not self._drained,
            give_back,
        )

    def start(self) -> None:
        """Start the threads; closing the intake ends them."""
        for _ in range(self._options.concurrency):
            threads.start("lane", self._step)

    def _receive(self, backlog: bool) -> List[Delivery]:
        options = self._options
        lively = clock.now() - self._last_arrival < LIVELY
        wait = 0 if backlog else LIVELY_POLL if lively else LONG_POLL
        wait = DRAIN_POLL if wait and options.drain else wait

        def receive() -> List[Delivery]:
            return self._inbox.receive(options.batch, wait, self._leases.first_timeout)

        try:
            received = self._patience(receive, f"receive from {self._inbox.name}", lambda _: True)
        except AWS_ERRORS:  # logged already; we are stopping
            return []
        if received:
            self._last_arrival = clock.now()
        elif options.drain and wait:
            self._drained = True
            self._tell_drained()
        return self._leases.hold(received)

    def _step(self) -> bool:
        """Take a request and handle it; return whether there may be another."""
        for delivery in self.intake.take():
            try:
                self._see_to(delivery)
            finally:
                self.intake.done()
            return True
        return False

    def _see_to(self, delivery: Delivery) -> None:
        """Handle a request if its lease holds; on an unexpected exception SQS redelivers it."""
        if not self._leases.holds(delivery):
            self._leases.drop([delivery])
            return
        try:
            job = self._handling.handle(delivery, self._settlement.has_answered(delivery))
            if job:
                self._settlement.put(job)
        except BaseException:
            self._leases.drop([delivery])
            raise
