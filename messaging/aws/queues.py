"""A queue of SQS, its batch calls, and how it is found or created with its dead-letter queue."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Sequence

from botocore.exceptions import ClientError

from ..aws.trouble import AWS_ERRORS, EntryError, is_missing_queue
from ..wire.envelope import Delivery, Message, size_of

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType as AttributeName

MAX_BATCH = 10
MAX_BYTES = 1 << 20  # of one message, and of all messages in a batch
MAX_RECEIVE_COUNT = 5
DEAD_LETTER = "-dead-letter"
DEAD_LETTER_RETENTION = 14 * 24 * 3600  # seconds; longer than a queue's own 4 days

Entry = Dict[str, Any]
Failures = Dict[int, Exception]  # by position: what AWS did not carry out, and why


@dataclass(frozen=True)
class Queue:
    """One queue.

    Calls for one thing raise botocore's errors. Batch calls never do: they take any number of
    entries, try each once, and give what failed; `is_refusal` tells whether it would always fail.
    """

    sqs: SQSClient
    url: str

    @property
    def name(self) -> str:
        """The queue's name."""
        return self.url.rsplit("/", 1)[1]

    @property
    def account(self) -> str:
        """The account that owns the queue."""
        return self.url.rsplit("/", 2)[1]

    def sibling(self, name: str) -> Queue:
        """Give the queue of that name in the same account and region, without asking AWS."""
        return replace(self, url=f"{self.url.rsplit('/', 1)[0]}/{name}")

    def receive(self, limit: int, wait: int, visibility_timeout: int) -> List[Delivery]:
        """Take up to `limit` messages, waiting up to `wait` seconds for the first."""
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait,
            VisibilityTimeout=visibility_timeout,
            MessageAttributeNames=["All"],
            # The newer MessageSystemAttributeNames is not known to every server.
            AttributeNames=["ApproximateReceiveCount", "SenderId", "SentTimestamp"],
        )
        return [Delivery.from_message(message) for message in answer.get("Messages", ())]

    def send(self, messages: Sequence[Message]) -> Failures:
        """Send messages, each of at most 1 MiB."""
        sizes = [size_of(message) for message in messages]
        return self._batches(self.sqs.send_message_batch, messages, sizes)

    def delete(self, deliveries: Sequence[Delivery]) -> Failures:
        """Delete messages for good."""
        entries = [{"ReceiptHandle": delivery.receipt_handle} for delivery in deliveries]
        return self._batches(self.sqs.delete_message_batch, entries)

    def hide(self, deliveries: Sequence[Delivery], seconds: int) -> Failures:
        """Hide messages for `seconds` from now; 0 releases them."""
        entries = [
            {"ReceiptHandle": delivery.receipt_handle, "VisibilityTimeout": seconds}
            for delivery in deliveries
        ]
        return self._batches(self.sqs.change_message_visibility_batch, entries)

    def _batches(
        self,
        call: Callable[..., Any],
        entries: Sequence[Mapping[str, Any]],
        sizes: Sequence[int] = (),
    ) -> Failures:
        """Carry out a batch call for all entries; that it answers 200 says nothing about them.

        Ids are positions, since one message may come twice in a batch.
        """
        failures: Failures = {}
        for batch in _packed(range(len(entries)), sizes):
            listed = [{**entries[position], "Id": str(position)} for position in batch]
            try:
                answer = call(QueueUrl=self.url, Entries=listed)
            except AWS_ERRORS as error:
                failures.update(dict.fromkeys(batch, error))
                continue
            done = {int(entry["Id"]) for entry in answer.get("Successful", ())}
            told = {int(entry["Id"]): _error_of(entry) for entry in answer.get("Failed", ())}
            for position in set(batch) - done:
                failures[position] = told.get(position, EntryError("no word of it"))
        return failures


def _error_of(failed: Mapping[str, Any]) -> EntryError:
    """Read an entry of `Failed`; some servers write SenderFault as text."""
    return EntryError(failed["Code"], str(failed["SenderFault"]).lower() == "true")


def _packed(positions: Sequence[int], sizes: Sequence[int]) -> Iterator[List[int]]:
    """Pack positions by ten and, where sizes are given, by the bytes that a batch may hold."""
    batch: List[int] = []
    used = 0
    for position in positions:
        size = sizes[position] if sizes else 0
        if batch and (len(batch) == MAX_BATCH or used + size > MAX_BYTES):
            yield batch
            batch, used = [], 0
        batch.append(position)
        used += size
    if batch:
        yield batch


def open_queue(sqs: SQSClient, name: str, dead_letter: bool = False) -> Queue:
    """Find a queue or create it; an input queue gets a dead-letter queue beside it."""
    try:
        return Queue(sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except ClientError as error:
        if not is_missing_queue(error):
            raise
    attributes = _redrive_attributes(sqs, name) if dead_letter else {}
    return Queue(sqs, sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def max_receive_count(queue: Queue) -> int:
    """Tell after how many receives a message goes to the dead-letter queue; 0 where never."""
    answer = queue.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["RedrivePolicy"])
    policy = json.loads(answer.get("Attributes", {}).get("RedrivePolicy", "{}"))
    return int(policy.get("maxReceiveCount", 0))


def _redrive_attributes(sqs: SQSClient, name: str) -> Dict[AttributeName, str]:
    retention: Dict[AttributeName, str] = {"MessageRetentionPeriod": str(DEAD_LETTER_RETENTION)}
    url = sqs.create_queue(QueueName=name + DEAD_LETTER, Attributes=retention)["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    policy = {
        "deadLetterTargetArn": answer["Attributes"]["QueueArn"],
        "maxReceiveCount": MAX_RECEIVE_COUNT,
    }
    return {"RedrivePolicy": json.dumps(policy)}
