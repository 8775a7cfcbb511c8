"""Letter: a message of a dead-letter queue, and when it was sent."""

from __future__ import annotations

from typing import Any, List, NamedTuple

from messaging.aws.queue_calls import MAX_BATCH, Queue
from messaging.wire.delivery import Delivery


class Letter(NamedTuple):
    """A dead letter in hand; `sent_at` is by SQS's clock, in seconds since the epoch."""

    delivery: Delivery
    sent_at: float


def take(queue: Queue, limit: int, hidden: int) -> List[Letter]:
    """Take up to ten letters, which nobody else gets for so many seconds."""
    call: Any = queue.sqs.receive_message
    answer = call(
        QueueUrl=queue.url,
        MaxNumberOfMessages=min(MAX_BATCH, limit),
        WaitTimeSeconds=1,
        VisibilityTimeout=hidden,
        MessageAttributeNames=["All"],
        AttributeNames=["ApproximateReceiveCount", "SenderId", "SentTimestamp"],
    )
    return [
        Letter(
            Delivery.from_message(message, 0), int(message["Attributes"]["SentTimestamp"]) / 1000
        )
        for message in answer.get("Messages", ())
    ]
