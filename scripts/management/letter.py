"""Letter: a message received from a dead-letter queue, and when it was sent."""

from __future__ import annotations

from typing import Any, List, NamedTuple

from messaging.aws.queue_calls import MAX_BATCH, Queue
from messaging.wire.delivery import Delivery


class Letter(NamedTuple):
    """A received dead letter; `sent_at` is in seconds since the epoch, by SQS's clock."""

    delivery: Delivery
    sent_at: float


def take(queue: Queue, limit: int, hidden: int) -> List[Letter]:
    """Receive up to ten letters, which stay hidden from others for `hidden` seconds."""
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
