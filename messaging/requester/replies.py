"""Replies: polls the reply queue while replies are awaited, and matches each by `Awaited`."""

from __future__ import annotations

import logging
import threading
from concurrent import futures
from dataclasses import dataclass, replace
from typing import Callable, List, Optional, Sequence

from .. import clock
from ..aws.advice import explain
from ..aws.connection import ANSWER, LONG_POLL, Connection
from ..aws.patience import Patience
from ..aws.queue_calls import MAX_BATCH, Queue
from ..aws.queues import create_reply_queue, open_queue
from ..aws.trouble import AWS_ERRORS, is_denied
from ..errors import ConfigurationError, InvalidMessage
from ..flow import threads
from ..flow.intake import Intake
from ..flow.recent import Recent
from ..wire import names
from ..wire.delivery import Delivery
from ..wire.envelope import Reply
from .awaited import Awaited, Pending

logger = logging.getLogger(__name__)

POLLERS = 8
HIDDEN = 40  # seconds; a reply lost on its way here is delivered again only after so long
KEPT = 30.0  # seconds until replies read are deleted; from HIDDEN on they would be read again
TOGETHER = 70  # replies deleted at a time, ten a request; the last few go with the queue
SHARED_HIDDEN = 5  # seconds; the longest that a poll of ours keeps others from their replies
SHARED_POLL = 1  # seconds; an abandoned poll takes what comes until its end
REMEMBERED = 10_000  # ids of others' messages; with more than that in the queue we poll in circles
CLOSING = 1.0  # seconds by which deleting the queue may delay the exit of a program


@dataclass
class Replies:
    """Reads a private reply queue, or one that others read too, if told to or denied its own.

    Of a private queue whatever was read is deleted by who read it, so deleting never falls behind.
    If it can no longer be read, because it was deleted or our identity changed, it is replaced,
    and the unanswered requests are sent again.

    Of a shared queue only our own replies are deleted. Somebody else's message is released at once
    when first seen. When seen again it seems that nobody fetches it, so it stays hidden for a
    while: we get past any number of these.

    Args:
        again: sends a request once more
        shared: name of the queue to share
    """

    connection: Connection
    awaited: Awaited
    patience: Patience
    again: Callable[[Pending], object]
    shared: Optional[str] = None

    def __post_init__(self) -> None:
        self._changing = threading.Lock()  # held while the queue, or what was read, is replaced
        self._closed = False
        self._used: List[Delivery] = []
        self._seen = Recent(REMEMBERED)
        # On a thread of its own: a KeyboardInterrupt could leak a queue just created.
        self._has_read = False
        self.opened = threads.background("open", self._open)
        self.intake = Intake(self._receive, MAX_BATCH, POLLERS, lambda: len(self.awaited) > 0)
        for _ in range(POLLERS):
            threads.start("replies", self._step)

    @property
    def queue(self) -> Queue:
        """The queue, once it is open; raises what prevents that."""
        return self.opened.result()

    def close(self) -> None:
        """Delete a private queue; returns within a second, and one left behind is swept later."""
        self._closed = True
        self.intake.close()
        futures.wait([threads.background("delete the reply queue", self._drop)], CLOSING)

    def _open(self) -> Queue:
        connection, output_queue = self.connection, self.connection.settings.output_queue
        if not self.shared:
            try:
                name = names.new_name(output_queue)
                queue = create_reply_queue(connection.sqs, name, connection.user_id)
            except AWS_ERRORS as error:
                if not is_denied(error):
                    raise
                logger.warning("No right to make a reply queue: sharing %s.", output_queue)
                self.shared = output_queue
        if self.shared:
            queue = open_queue(connection.sqs, self.shared)
        wait = SHARED_POLL if self.shared else LONG_POLL
        return replace(queue, sqs=connection.client("sqs", attempts=1, seconds=wait + ANSWER))

    def _drop(self, lost: Optional[Queue] = None) -> None:
        """Delete a queue that was lost, or else the one in use, unless it is shared."""
        with self._changing:
            queue = lost or self.queue
        try:
            if not self.shared:
                self.connection.sqs.delete_queue(QueueUrl=queue.url)
        except AWS_ERRORS as error:
            logger.debug("The reply queue stays until it is swept: %s.", explain(error))

    def _receive(self, backlog: bool) -> List[Delivery]:
        """Poll, and resolve the futures at once, or an idle client would poll once more."""
        queue = self.queue
        wait, hidden = (SHARED_POLL, SHARED_HIDDEN) if self.shared else (LONG_POLL, HIDDEN)
        try:
            deliveries = self.patience(
                lambda: queue.receive(MAX_BATCH, wait, hidden), f"receive from {queue.name}"
            )
        except AWS_ERRORS as error:
            self._replace(queue, error)
            return []
        ours = [delivery for delivery in deliveries if self._give(delivery)]
        if self.shared:
            self._share(ours, [each for each in deliveries if each not in ours])
            return []
        self._has_read = True
        return deliveries

    def _give(self, delivery: Delivery) -> bool:
        """Resolve the future that awaits a reply; return whether it was meant for us at all."""
        try:
            return self.awaited.give(self._read(delivery))
        except InvalidMessage as error:
            level = logging.DEBUG if self.shared else logging.WARNING
            logger.log(level, "Message %s in our reply queue: %s.", delivery.message_id, error)
            return False

    def _read(self, delivery: Delivery) -> Reply:
        """Parse a reply; in a shared queue one without attributes is ours if we await just one."""
        pending = self.awaited.all()
        if not self.shared or delivery.attributes or len(pending) != 1:
            return Reply.from_delivery(delivery)
        logger.warning("A reply without attributes: taken for that to our only request.")
        return Reply(delivery.body, pending[0].request.correlation_id)

    def _step(self) -> bool:
        """Take replies, and delete all when there are many; where that fails they come again."""
        taken = self.intake.take(MAX_BATCH)
        if not taken:
            return False
        with self._changing:
            # Deleting needs no body, and bodies may be long.
            self._used += [replace(each, body="", attributes={}) for each in taken]
            is_time = len(self._used) >= TOGETHER or clock.now() - self._used[0].since > KEPT
            used, self._used = (self._used, []) if is_time else ([], self._used)
        self.queue.delete(used)
        return True

    def _share(self, ours: Sequence[Delivery], others: Sequence[Delivery]) -> None:
        """Delete our own, release the others; where that fails, SQS delivers them again."""
        new = [each for each in others if each.message_id not in self._seen]
        self._seen.add(each.message_id for each in others)
        self.queue.hide(new, 0)
        self.queue.delete(ours)

    def _replace(self, lost: Queue, error: Exception) -> None:
        """Replace a queue that can no longer be read, and send the unanswered requests again.

        If none of its kind could be read, a permission is missing, and another would not help.
        """
        with self._changing:
            if self._closed or self.queue is not lost:
                return
            try:
                if not self._has_read:
                    said = f"our own reply queue {lost.name} cannot be read: {explain(error)}"
                    raise ConfigurationError(said)
                opened = threads.background("open", self._open)
                opened.result()
                self.opened, self._has_read = opened, False
            except Exception as cause:  # raised where replies are awaited
                self.awaited.fail(cause)
                return
        logger.warning("The reply queue %s cannot be read any more: asking again.", lost.name)
        threads.background("drop a reply queue", lambda: self._drop(lost))
        for pending in self.awaited.all():
            self.again(pending)
