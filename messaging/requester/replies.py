"""Replies: polls our own reply queue while replies are awaited, and matches each by `Awaited`."""

from __future__ import annotations

import logging
import threading
from concurrent import futures
from dataclasses import dataclass, replace
from typing import Callable, List, Optional, Sequence

from ..aws.advice import explain
from ..aws.connection import LONG_POLL, Connection
from ..aws.patience import Patience
from ..aws.queue_calls import MAX_BATCH, Queue
from ..aws.trouble import AWS_ERRORS, is_denied, is_missing_queue, is_passing
from ..errors import ConfigurationError, InvalidMessage
from ..flow import threads
from ..flow.batcher import Batcher
from ..flow.intake import Intake
from ..wire import names
from ..wire.delivery import Delivery
from ..wire.envelope import Reply
from . import reply_queue
from .awaited import Awaited, Pending

logger = logging.getLogger(__name__)

POLLERS, DELETERS = 8, 4
HIDDEN = 40  # seconds; a reply lost on its way here is delivered again only after so long
KEPT = 30.0  # seconds until replies read are deleted; from HIDDEN on they would be read again
TOGETHER = 70  # replies deleted at a time, ten a request; the last few go with the queue
ROOM = 200  # replies read and not yet deleted at which no more are read
CLOSING = 1.0  # seconds by which deleting the queue may delay the exit of a program


@dataclass(eq=False)
class Replies:
    """Reads a private reply queue, which nobody else may read.

    Replies are deleted once read, and where deleting falls behind nothing is read. A queue that
    can no longer be read, because it was deleted or our identity changed, is replaced, and the
    unanswered requests are sent again.

    Args:
        again: sends a request once more
    """

    connection: Connection
    awaited: Awaited
    patience: Patience
    again: Callable[[Pending], object]

    def __post_init__(self) -> None:
        self._changing = threading.Lock()  # held while the queue is replaced or deleted
        self._closed = False
        self._has_read = False
        self.queue = self._create()
        self._deleting = Batcher("delete", DELETERS, TOGETHER, ROOM, self._delete, KEPT)
        self.intake = Intake(self._receive, MAX_BATCH, POLLERS, lambda: len(self.awaited) > 0)
        for _ in range(POLLERS):
            threads.start("replies", lambda: bool(self.intake.take(MAX_BATCH)))

    def close(self) -> None:
        """Delete the queue; returns within a second, and a queue left behind is swept later."""
        self._closed = True
        self.intake.close()
        self._deleting.close()
        futures.wait([threads.background("delete the reply queue", self._drop)], CLOSING)

    def _create(self) -> Queue:
        sqs, output_queue = self.connection.sqs, self.connection.settings.output_queue
        made = reply_queue.create(sqs, names.new_name(output_queue), self.connection.user_id)
        return replace(made, sqs=self.connection.client("sqs", attempts=1))

    def _drop(self, lost: Optional[Queue] = None) -> None:
        with self._changing:
            queue = lost or self.queue
        try:
            self.connection.sqs.delete_queue(QueueUrl=queue.url)
        except AWS_ERRORS as error:
            logger.debug("The reply queue stays until it is swept: %s.", explain(error))

    def _receive(self, backlog: bool) -> List[Delivery]:
        """Poll, and resolve the futures at once, or an idle client would poll once more."""
        queue = self.queue
        try:
            deliveries = self.patience(
                lambda: queue.receive(MAX_BATCH, LONG_POLL, HIDDEN), f"receive from {queue.name}"
            )
        except AWS_ERRORS as error:
            self._replace(queue, error)
            return []
        self._has_read = True
        for delivery in deliveries:
            self._give(delivery)
        # Deleting needs no body, and bodies may be long.
        self._deleting.put([replace(each, body="", attributes={}) for each in deliveries])
        return deliveries

    def _give(self, delivery: Delivery) -> None:
        try:
            self.awaited.give(Reply.from_delivery(delivery))
        except InvalidMessage as error:
            logger.warning("Message %s in our reply queue: %s.", delivery.message_id, error)

    def _delete(self, deliveries: List[Delivery]) -> Sequence[Delivery]:
        failures = self.queue.delete(deliveries)
        return [deliveries[at] for at, error in failures.items() if is_passing(error)]

    def _replace(self, lost: Queue, error: Exception) -> None:
        """Replace a queue that can no longer be read, and send the unanswered requests again.

        If it never could be read, a permission is missing, and a new queue would not help.
        """
        with self._changing:
            if self._closed or self.queue is not lost:
                return
            try:
                if not self._has_read or not (is_denied(error) or is_missing_queue(error)):
                    said = f"our own reply queue {lost.name} cannot be read: {explain(error)}"
                    raise ConfigurationError(said)
                self.queue, self._has_read = self._create(), False
            except (ConfigurationError, *AWS_ERRORS) as cause:
                self.awaited.fail(cause)
                return
        logger.warning("The reply queue %s cannot be read any more: asking again.", lost.name)
        threads.background("drop a reply queue", lambda: self._drop(lost))
        for pending in self.awaited.all():
            self.again(pending)
