"""Replies: polls our own reply queue while replies are awaited, and matches each by `Awaited`."""

from __future__ import annotations

import contextlib
import logging
import threading
from concurrent import futures
from dataclasses import replace
from typing import Callable, List

from .. import clock
from ..aws.advice import explain
from ..aws.connection import ANSWER, LONG_POLL, Connection
from ..aws.patience import Patience
from ..aws.queue_calls import MAX_BATCH, Queue
from ..aws.trouble import AWS_ERRORS, is_denied, is_missing_queue, is_passing
from ..errors import ConfigurationError, InvalidMessage
from ..flow import threads
from ..flow.intake import Intake
from ..wire import names
from ..wire.delivery import Delivery
from ..wire.envelope import Reply
from . import reply_queue
from .awaited import Awaited, Pending

logger = logging.getLogger(__name__)

POLLERS = 8
HIDDEN = 40  # seconds; a reply lost on its way here is delivered again only after so long
KEPT = 30.0  # seconds until replies read are deleted; from HIDDEN on they would be read again
CLOSING = 1.0  # seconds by which deleting the queue may delay the exit of a program


class Replies:
    """Reads a private reply queue, which nobody else may read.

    Each poller deletes what it read, ten at a time, before it polls again, so deleting never
    falls far behind receiving. A queue that can no longer be read, because it was deleted or our
    identity changed, is replaced, and the unanswered requests are sent again.

    Args:
        again: sends a request once more
    """

    def __init__(
        self,
        connection: Connection,
        awaited: Awaited,
        patience: Patience,
        again: Callable[[Pending], object],
    ) -> None:
        self._connection = connection
        self._patience = patience
        self._awaited = awaited
        self._again = again
        self._replacing = threading.Lock()
        self._closed = threading.Event()
        self._has_read = False
        self._queue = self._create()
        self._intake = Intake(self._receive, MAX_BATCH, POLLERS, lambda: len(awaited) > 0)
        for _ in range(POLLERS):
            threads.start("replies", _Poller(self._intake, self._delete).step)

    @property
    def name(self) -> str:
        """The name of the queue, for a request's `reply_to`."""
        return self._queue.name

    def wake(self) -> None:
        """Start polling: a reply is awaited now."""
        self._intake.wake()

    def close(self) -> None:
        """Delete the queue; returns within a second, and a queue left behind is swept later."""
        self._closed.set()
        self._intake.close()
        deleting = threads.background("delete the reply queue", lambda: self._drop(self._queue))
        futures.wait([deleting], CLOSING)

    def _create(self) -> Queue:
        connection = self._connection
        name = names.new_name(connection.settings.output_queue)
        made = reply_queue.create(connection.sqs, name, connection.user_id)
        # A long poll of 20 s needs a client whose read timeout is longer.
        sqs = connection.client("sqs", attempts=1, seconds=LONG_POLL + ANSWER)
        return replace(made, sqs=sqs)

    def _drop(self, queue: Queue) -> None:
        try:
            self._connection.sqs.delete_queue(QueueUrl=queue.url)
        except AWS_ERRORS as error:
            logger.debug("The reply queue stays until it is swept: %s.", explain(error))

    def _receive(self, backlog: bool) -> List[Delivery]:
        """Poll, and resolve the futures at once, or an idle client would poll once more."""
        queue = self._queue
        try:
            deliveries = self._patience(
                lambda: queue.receive(MAX_BATCH, LONG_POLL, HIDDEN),
                f"receive from {queue.name}",
                lambda error: not self._closed.is_set() and is_passing(error),
            )
        except AWS_ERRORS as error:
            if not self._closed.is_set():
                self._replace(queue, error)
            return []
        self._has_read = True
        for delivery in deliveries:
            self._give(delivery)
        return deliveries

    def _replace(self, lost: Queue, error: Exception) -> None:
        """Replace a queue that can no longer be read, and send the unanswered requests again.

        If it never could be read, a permission is missing, and a new queue would not help.
        """
        with self._replacing:
            if self._queue is not lost:
                return
            try:
                if not self._has_read or not (is_denied(error) or is_missing_queue(error)):
                    said = f"our own reply queue {lost.name} cannot be read: {explain(error)}"
                    raise ConfigurationError(said)
                self._queue, self._has_read = self._create(), False
            except (ConfigurationError, *AWS_ERRORS) as cause:
                self._awaited.fail(cause)
                return
        if self._closed.is_set():
            self._drop(self._queue)
            return
        logger.warning("The reply queue %s cannot be read any more: asking again.", lost.name)
        threads.background("drop a reply queue", lambda: self._drop(lost))
        for pending in self._awaited.all():
            self._again(pending)

    def _give(self, delivery: Delivery) -> None:
        try:
            self._awaited.give(Reply.from_delivery(delivery))
        except InvalidMessage as error:
            logger.warning("Message %s in our reply queue: %s.", delivery.message_id, error)

    def _delete(self, deliveries: List[Delivery]) -> List[Delivery]:
        """Delete replies; return those to retry, fewer than a full batch."""
        left = deliveries

        def attempt() -> None:
            nonlocal left
            failures = self._queue.delete(left)
            left = [left[at] for at, error in failures.items() if is_passing(error)]
            if len(left) >= MAX_BATCH:
                raise next(error for error in failures.values() if is_passing(error))

        with contextlib.suppress(*AWS_ERRORS):  # logged; we are closing, and so the queue goes
            self._patience(attempt, f"delete from {self.name}")
        return left


class _Poller:
    """Collects the replies read, and deletes them in tens, or before they turn visible again."""

    def __init__(
        self, intake: Intake[Delivery], delete: Callable[[List[Delivery]], List[Delivery]]
    ) -> None:
        self._intake = intake
        self._delete = delete
        self._read: List[Delivery] = []

    def step(self) -> bool:
        """Take a batch; return whether there may be another."""
        taken = self._intake.take(MAX_BATCH)
        if not taken:
            return False
        # Deleting needs no body, and bodies may be long.
        self._read += [replace(each, body="", attributes={}) for each in taken]
        self._intake.done()
        if len(self._read) >= MAX_BATCH or clock.now() - self._read[0].since > KEPT:
            self._read = self._delete(self._read)
        return True
