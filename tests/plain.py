"""Queues through plain boto3, so that tests do not look at them through the code under test."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any, Dict, List, Mapping, Optional, Sequence

DEAD_LETTER = "-dead-letter"


@dataclass(frozen=True)
class Received:
    """A message as boto3 returned it."""

    message_id: str
    receipt_handle: str
    receive_count: int
    body: str
    attributes: Mapping[str, Any]

    def text(self, name: str) -> Optional[str]:
        """Return a message attribute, None if absent."""
        value = self.attributes.get(name)
        return None if value is None else str(value["StringValue"])


@dataclass(frozen=True)
class Queue:
    """A queue, by its URL."""

    sqs: Any
    url: str

    @property
    def name(self) -> str:
        return self.url.rsplit("/", 1)[1]

    def sibling(self, name: str) -> Queue:
        return replace(self, url=f"{self.url.rsplit('/', 1)[0]}/{name}")

    def send(self, messages: Sequence[Mapping[str, Any]]) -> None:
        """Send messages in batches of ten; fails unless all are accepted."""
        for start in range(0, len(messages), 10):
            batch = messages[start : start + 10]
            entries = [{**message, "Id": str(at)} for at, message in enumerate(batch)]
            answer = self.sqs.send_message_batch(QueueUrl=self.url, Entries=entries)
            assert len(answer["Successful"]) == len(batch), answer

    def receive(self, limit: int, wait: int, visibility_timeout: int) -> List[Received]:
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait,
            VisibilityTimeout=visibility_timeout,
            MessageAttributeNames=["All"],
            AttributeNames=["All"],
        )
        return [
            Received(
                each["MessageId"],
                each["ReceiptHandle"],
                int(each["Attributes"]["ApproximateReceiveCount"]),
                each["Body"],
                each.get("MessageAttributes", {}),
            )
            for each in answer.get("Messages", ())
        ]

    def delete(self, received: Sequence[Received]) -> None:
        for each in received:
            self.sqs.delete_message(QueueUrl=self.url, ReceiptHandle=each.receipt_handle)

    def take(self, wait: int = 20, limit: int = 10) -> List[Received]:
        """Receive and delete messages."""
        received = self.receive(limit, wait, 30)
        self.delete(received)
        return received


def open_queue(sqs: Any, name: str, dead_letter: bool = False) -> Queue:
    """Find or create a queue; with `dead_letter`, one that redrives after five receives."""
    try:
        return Queue(sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except sqs.exceptions.QueueDoesNotExist:
        pass
    attributes: Dict[str, str] = {}
    if dead_letter:
        retention = {"MessageRetentionPeriod": str(14 * 24 * 3600)}
        dead = sqs.create_queue(QueueName=name + DEAD_LETTER, Attributes=retention)["QueueUrl"]
        told = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=["QueueArn"])
        policy = {"deadLetterTargetArn": told["Attributes"]["QueueArn"], "maxReceiveCount": 5}
        attributes["RedrivePolicy"] = json.dumps(policy)
    return Queue(sqs, sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])
