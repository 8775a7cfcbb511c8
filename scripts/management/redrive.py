"""Moving dead letters back to their queue."""

from __future__ import annotations

import argparse
from typing import Any, Dict, Iterator, List

from messaging.aws.advice import explain
from messaging.aws.queue_calls import MAX_BATCH, MAX_BYTES, Failures, Queue
from messaging.aws.trouble import AWS_ERRORS, code_of
from messaging.wire.delivery import Delivery
from messaging.wire.envelope import Message, size_of
from scripts.management.letter import take
from scripts.management.part import Part, Row, counted, time_at

HIDDEN = 60  # seconds that a dead letter is hidden while it is moved
MOST_ATTRIBUTES = 10  # SQS's limit
DELETIONS = 3  # attempts


def redrive(part: Part, options: argparse.Namespace) -> Iterator[Row]:
    """Move the messages of the dead-letter queue back to their queue."""
    inbox, dead = (part.queue(name) for name in part.names()[:2])
    if inbox is None or dead is None:
        yield {"part": part.name, "moved": 0, "left": 0}
        return
    move = Move(inbox, dead)
    if not options.dry_run:
        move.run()
    yield {"part": part.name, "moved": move.moved, "left": sum(counted(dead).values())}
    for message, reason in move.failed.items():
        yield {"part": part.name, "message": message, "failed": reason}


class Move:
    """Moves what was dead when it began; what dies again meanwhile is left.

    Attributes:
        moved: how many messages
        failed: by message id, why one was not moved
    """

    def __init__(self, inbox: Queue, dead: Queue) -> None:
        self._inbox, self._dead = inbox, dead
        self._kept: List[Delivery] = []
        self.moved = 0
        self.failed: Dict[str, str] = {}

    def run(self) -> None:
        """Move all messages, each once; what cannot be moved is visible again at the end."""
        refused = self._refused_deletion()
        if refused:  # what is sent and cannot be deleted would be in both queues
            self.failed["all"] = refused
            return
        began = (time_at(self._dead) or float("inf")) + 1  # of a clock that shows seconds
        try:
            while True:
                # The first goes alone: what cannot be deleted after all would be in both queues.
                taken = take(self._dead, MAX_BATCH if self.moved else 1, HIDDEN)
                old = [letter.delivery for letter in taken if letter.sent_at < began]
                fresh = [each for each in old if each.message_id not in self.failed]
                self._kept += [each.delivery for each in taken if each.delivery not in fresh]
                if not fresh or not self._move(fresh):
                    return
        finally:
            self._dead.hide(self._kept, 0)

    def _refused_deletion(self) -> str:
        """Try to delete what does not exist; return why AWS refuses to delete anything."""
        call: Any = self._dead.sqs.delete_message_batch
        try:
            call(QueueUrl=self._dead.url, Entries=[{"Id": "0", "ReceiptHandle": "none"}])
        except AWS_ERRORS as error:
            if (
                code_of(error) != "ReceiptHandleIsInvalid"
            ):  # which some servers say of the whole batch
                return explain(error)
        return ""

    def _move(self, deliveries: List[Delivery]) -> bool:
        """Send and delete messages; tell whether that may go on."""
        failures = self._inbox.send([_again(delivery) for delivery in deliveries])
        self._keep(deliveries, failures, "")
        sent = [each for position, each in enumerate(deliveries) if position not in failures]
        left, failures = sent, {}
        for _ in range(DELETIONS):
            failures = self._dead.delete(left)
            left = [left[position] for position in failures]
            failures = dict(enumerate(failures.values()))
        self._keep(left, failures, "it is now in both queues, since ")
        self.moved += len(sent) - len(left)
        return not left

    def _keep(self, deliveries: List[Delivery], failures: Failures, remark: str) -> None:
        for position, error in failures.items():
            self._kept.append(deliveries[position])
            self.failed[deliveries[position].message_id] = remark + explain(error)


def _again(delivery: Delivery) -> Message:
    """Write a message as it was; one without a correlation id keeps its old message id as such."""
    attributes = {name: _attribute(value) for name, value in delivery.attributes.items()}
    own = {"CorrelationId": {"DataType": "String", "StringValue": delivery.message_id}}
    known = {"MessageBody": delivery.body, "MessageAttributes": {**own, **attributes}}
    fits = len({**own, **attributes}) <= MOST_ATTRIBUTES and size_of(known) <= MAX_BYTES
    return known if fits else {**known, "MessageAttributes": attributes}


def _attribute(value: Any) -> Dict[str, Any]:
    """Leave out the empty lists that SQS adds, and does not take back."""
    names = ("DataType", "StringValue", "BinaryValue")
    return {name: value[name] for name in names if name in value}
