"""Moves dead letters back to their input queue."""

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

HIDDEN = 60  # seconds; a move that takes longer might be done twice
MOST_ATTRIBUTES = 10  # SQS refuses a message with more
DELETIONS = 3  # attempts; a letter that is sent but not deleted is in both queues


def redrive(part: Part, options: argparse.Namespace) -> Iterator[Row]:
    """Move dead letters back to their input queue."""
    inbox, dead = (part.queue(name) for name in part.names()[:2])
    if inbox is None or dead is None:
        yield {"part": part.name, "moved": 0, "left": 0}
        return
    move, there = Move(inbox, dead), sum(counted(dead).values())
    if not options.dry_run:
        move.run()
    # SQS's own count may be a minute old, and would still hold what was moved.
    yield {"part": part.name, "moved": move.moved, "left": max(0, there - move.moved)}
    for message, reason in move.failed.items():
        yield {"part": part.name, "message": message, "failed": reason}


class Move:
    """Moves the letters that were there when it began; those that fail again meanwhile stay.

    Attributes:
        moved: how many messages were moved
        failed: by message id, why it was not moved
    """

    def __init__(self, inbox: Queue, dead: Queue) -> None:
        self._inbox, self._dead = inbox, dead
        self._kept: List[Delivery] = []
        self.moved = 0
        self.failed: Dict[str, str] = {}

    def run(self) -> None:
        """Move each message once; those that cannot be moved are visible again afterwards."""
        refused = self._refused_deletion()
        if refused:  # otherwise each message would end up in both queues
            self.failed["all"] = refused
            return
        began = (time_at(self._dead) or float("inf")) + 1  # the clock shows whole seconds
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
        """Try a deletion that has no effect; return why AWS refuses it, empty if it does not."""
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
        """Send and delete messages; return whether it is safe to go on."""
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
    """Return the message to send; one without a correlation id gets its old message id as one."""
    attributes = {name: _attribute(value) for name, value in delivery.attributes.items()}
    own = {"CorrelationId": {"DataType": "String", "StringValue": delivery.message_id}}
    known = {"MessageBody": delivery.body, "MessageAttributes": {**own, **attributes}}
    fits = len({**own, **attributes}) <= MOST_ATTRIBUTES and size_of(known) <= MAX_BYTES
    return known if fits else {**known, "MessageAttributes": attributes}


def _attribute(value: Any) -> Dict[str, Any]:
    """Drop the empty lists that SQS adds to attributes but does not accept."""
    names = ("DataType", "StringValue", "BinaryValue")
    return {name: value[name] for name in names if name in value}
