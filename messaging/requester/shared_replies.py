"""SharedReplies: finds our own replies in a queue that others read too."""

from __future__ import annotations

import logging
from concurrent import futures
from dataclasses import dataclass, replace
from typing import List

from ..aws.connection import ANSWER, Connection
from ..aws.patience import Patience
from ..aws.queue_calls import MAX_BATCH
from ..aws.queues import open_queue
from ..aws.trouble import AWS_ERRORS
from ..errors import InvalidMessage
from ..flow import threads
from ..flow.intake import Intake
from ..flow.recent import Recent
from ..wire.delivery import Delivery
from ..wire.envelope import Reply
from .awaited import Awaited

logger = logging.getLogger(__name__)

HIDDEN = 5  # seconds; the longest that a poll of ours keeps others from their replies
POLL = 1  # seconds; `close` waits for a poll in flight, so a longer one delays it
CLOSING = 1.5  # seconds for the last poll to return; less than POLL would abandon it
REMEMBERED = 10_000  # ids of others' messages; with more than that in the queue we poll in circles


@dataclass(eq=False)
class SharedReplies:
    """Reads a reply queue that others read too; deletes our own replies only.

    Somebody else's message is released at once when first seen. When seen again it seems that
    nobody fetches it, so it stays hidden for HIDDEN seconds: we get past any number of these.
    """

    connection: Connection
    awaited: Awaited
    patience: Patience
    name: str

    def __post_init__(self) -> None:
        queue = open_queue(self.connection.sqs, self.name)
        sqs = self.connection.client("sqs", attempts=1, seconds=ANSWER)
        self.queue = replace(queue, sqs=sqs)
        self._seen = Recent(REMEMBERED)
        self._closed = False
        self.intake = Intake(self._receive, MAX_BATCH, 1, lambda: len(self.awaited) > 0)
        threads.start("shared replies", lambda: bool(self.intake.take()))

    def close(self) -> None:
        """Wait for the poll in flight, and release what it returns."""
        self._closed = True
        self.intake.close()
        futures.wait([threads.background("last poll", self.intake.join_polls)], CLOSING)

    def _receive(self, backlog: bool) -> List[Delivery]:
        """Poll, and settle all that comes, so that nothing is left to take."""
        try:
            deliveries = self.patience(
                lambda: self.queue.receive(MAX_BATCH, POLL, HIDDEN),
                f"receive from {self.name}",
                lambda error: True,
            )
        except AWS_ERRORS:  # logged; we are closing
            return []
        ours = [delivery for delivery in deliveries if self._give(delivery)]
        others = [delivery for delivery in deliveries if delivery not in ours]
        new = [each for each in others if self._closed or each.message_id not in self._seen]
        self._seen.add(each.message_id for each in others)
        # Where this fails, SQS delivers the message again; Awaited ignores duplicates.
        self.queue.hide(new, 0)
        self.queue.delete(ours)
        return []

    def _give(self, delivery: Delivery) -> bool:
        """Resolve the future that awaits a reply; return whether it was meant for us at all."""
        try:
            return self.awaited.give(self._read(delivery))
        except InvalidMessage as error:
            logger.debug("Message %s is not for us: %s.", delivery.message_id, error)
            return False

    def _read(self, delivery: Delivery) -> Reply:
        """Parse a reply; one without attributes is taken as ours if we await exactly one."""
        pending = self.awaited.all()
        if delivery.attributes or len(pending) != 1:
            return Reply.from_delivery(delivery)
        logger.warning("A reply without attributes: taken for that to our only request.")
        return Reply(delivery.body, pending[0].request.correlation_id)
