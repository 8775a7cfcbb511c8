"""An SQS queue and its batch calls."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterator, List, Mapping, Sequence

from .. import clock
from ..wire.delivery import Delivery
from ..wire.envelope import Message, size_of
from .trouble import AWS_ERRORS, EntryError, is_refusal

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

MAX_BATCH = 10
MAX_BYTES = 1 << 20  # SQS's limit for one message, and for all messages of a batch

Entry = Dict[str, Any]
Failures = Dict[int, Exception]  # by position in what was passed: why AWS did not do it


@dataclass(frozen=True)
class Queue:
    """One queue.

    `receive` raises botocore's errors. Batch calls never do: they take any number of entries, try
    each, and return the failures; `is_refusal` tells whether the entry itself was at fault.
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
        """Return the queue of that name in the same account and region, without asking AWS."""
        return replace(self, url=f"{self.url.rsplit('/', 1)[0]}/{name}")

    def receive(self, limit: int, wait: int, visibility_timeout: int) -> List[Delivery]:
        """Receive up to `limit` messages, waiting up to `wait` seconds for the first.

        If the response comes later than that, its messages have been hidden for the difference.
        """
        latest = clock.now() + wait
        answer = self.sqs.receive_message(
            QueueUrl=self.url,
            MaxNumberOfMessages=limit,
            WaitTimeSeconds=wait,
            VisibilityTimeout=visibility_timeout,
            MessageAttributeNames=["All"],
            # Not every server knows the newer MessageSystemAttributeNames.
            AttributeNames=["ApproximateReceiveCount", "SenderId", "SentTimestamp"],
        )
        since = min(latest, clock.now())
        return [Delivery.from_message(message, since) for message in answer.get("Messages", ())]

    def send(self, messages: Sequence[Message]) -> Failures:
        """Send messages; one of more than 1 MiB is refused without asking AWS."""
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
        """Make batch calls for all entries; return those that failed despite the status 200.

        Ids are positions, since one message may occur twice in a batch.
        """
        failures: Failures = {}
        for batch in _packed(range(len(entries)), sizes):
            if sizes and sizes[batch[0]] > MAX_BYTES:  # AWS might cut off what is far longer
                why = f"{sizes[batch[0]]:,} bytes, of which SQS carries {MAX_BYTES:,}"
                failures[batch[0]] = EntryError("MessageTooLong", True, why)
            else:
                failures.update(self._attempt(call, {at: entries[at] for at in batch}))
        return failures

    def _attempt(
        self, call: Callable[..., Any], entries: Mapping[int, Mapping[str, Any]]
    ) -> Failures:
        """Make a batch call; if refused as a whole, halve it until only the culprits fail."""
        listed = [{**entry, "Id": str(at)} for at, entry in entries.items()]
        try:
            answer = call(QueueUrl=self.url, Entries=listed)
        except AWS_ERRORS as error:
            if len(entries) == 1 or not is_refusal(error):
                return dict.fromkeys(entries, error)
            items, half = list(entries.items()), len(entries) // 2
            first, second = dict(items[:half]), dict(items[half:])
            return {**self._attempt(call, first), **self._attempt(call, second)}
        done = {int(entry["Id"]) for entry in answer.get("Successful", ())}
        told = {int(entry["Id"]): _error_of(entry) for entry in answer.get("Failed", ())}
        return {at: told.get(at, EntryError("no word of it")) for at in entries if at not in done}


def _error_of(failed: Mapping[str, Any]) -> EntryError:
    """Parse an entry of `Failed`; some servers send SenderFault as text."""
    refused = str(failed.get("SenderFault")).lower() == "true"
    return EntryError(failed.get("Code", ""), refused, failed.get("Message", ""))


def _packed(positions: Sequence[int], sizes: Sequence[int]) -> Iterator[List[int]]:
    """Split positions into batches of ten and, if sizes are given, of MAX_BYTES at most."""
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
