"""Habits of AWS that local servers lack, each with the sentence of AWS's documentation.

They are for the programs alone: what the tests themselves send is answered at once and exactly.
"""

from __future__ import annotations

import hashlib
import json
import re
import time
from collections import defaultdict
from dataclasses import replace
from typing import Any, Dict, List, Optional, Sequence, Tuple
from urllib.parse import urlsplit

from tests.gateway import Answer, Call, Fault, error, service_of

MISSING_QUEUE = "AWS.SimpleQueueService.NonExistentQueue"
DELETED_RECENTLY = "AWS.SimpleQueueService.QueueDeletedRecently"
OURS = "aws-project"  # as what the programs introduce themselves
MEBIBYTE = 1 << 20
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class NewQueue:
    """A queue is not known for a second after it was created.

    "After you create a queue, you must wait at least one second after the queue is created to be
    able to use the queue." (CreateQueue)
    """

    def __init__(self, seconds: float = 1.0) -> None:
        self._seconds = seconds
        self._made: Dict[str, float] = {}

    def __call__(self, call: Call) -> Optional[Answer]:
        name = queue_of(call)
        if call.action == "CreateQueue":
            answer = call.carry_out(call.body)
            if answer[0] == 200:
                self._made.setdefault(name, time.monotonic())
            return answer
        if call.action == "DeleteQueue":
            self._made.pop(name, None)
        if time.monotonic() - self._made.get(name, -self._seconds) < self._seconds:
            return error(call.action, 400, MISSING_QUEUE)
        return None


class DeletedQueue:
    """A deleted queue cannot be created again for a minute, and goes on accepting messages.

    "If you delete a queue, you must wait at least 60 seconds before creating a queue with the same
    name." (CreateQueue) "When you delete a queue, the deletion process takes up to 60 seconds.
    Requests you send involving that queue during the 60 seconds might succeed. For example, a
    SendMessage request might succeed, but after 60 seconds the queue and the message you sent no
    longer exist." (DeleteQueue)
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._deleted: Dict[str, float] = {}

    def __call__(self, call: Call) -> Optional[Answer]:
        name = queue_of(call)
        if call.action == "DeleteQueue":
            self._deleted[name] = time.monotonic()
        elif time.monotonic() - self._deleted.get(name, -self._seconds) < self._seconds:
            if call.action == "CreateQueue":
                return error(call.action, 400, DELETED_RECENTLY)
            if call.action == "SendMessageBatch":
                return said({"Successful": [sent(each) for each in call.entries], "Failed": []})
        return None


class NewBucket:
    """A bucket just created is busy, and not known everywhere.

    "A conflicting conditional operation is currently in progress against this resource. Try again."
    (OperationAborted, in S3's list of error codes) "Bucket configurations have an eventual
    consistency model." (Amazon S3 data consistency model)
    """

    def __init__(self, refusals: int = 2) -> None:
        self._refusals = refusals
        self._left: Dict[str, List[str]] = defaultdict(list)

    def __call__(self, call: Call) -> Optional[Answer]:
        if service_of(call.action) != "s3":
            return None
        bucket = urlsplit(call.path).path.strip("/").split("/")[0]
        if call.action == "PutBucket":
            self._left[bucket] = ["NoSuchBucket", "OperationAborted"] * self._refusals
        elif call.action.startswith("Put") and self._left[bucket]:
            code = self._left[bucket].pop()
            return error(call.action, 404 if code == "NoSuchBucket" else 409, code)
        return None


class ShortPoll:
    """A short poll returns fewer messages than there are, sometimes none.

    "When you use short polling, Amazon SQS samples a subset of its servers (based on a weighted
    random distribution) and returns messages from only those servers. Thus, a particular
    ReceiveMessage request might not return all of your messages." (Short and long polling)
    """

    def __init__(self) -> None:
        self._polls = 0

    def __call__(self, call: Call) -> Optional[Answer]:
        asked = json.loads(call.body) if call.action == "ReceiveMessage" else {}
        if not asked or asked.get("WaitTimeSeconds", 0):
            return None
        self._polls += 1
        if self._polls % 3 == 0:
            return said({})
        asked["MaxNumberOfMessages"] = (asked.get("MaxNumberOfMessages", 1) + 1) // 2
        return call.carry_out(json.dumps(asked).encode())


class Copies:
    """One message in so many is received once more, even if it was deleted meanwhile.

    "For standard queues, it is possible to receive a message even after you delete it. This might
    happen on rare occasions if one of the servers which stores a copy of the message is unavailable
    when you send the request to delete the message." (DeleteMessage)
    """

    def __init__(self, each: int = 10) -> None:
        self._each = each
        self._received: Dict[str, int] = defaultdict(int)
        self._copies: Dict[str, List[Any]] = defaultdict(list)

    def __call__(self, call: Call) -> Optional[Answer]:
        if call.action != "ReceiveMessage":
            return None
        asked, queue = json.loads(call.body), queue_of(call)
        room = asked.get("MaxNumberOfMessages", 1) // 2
        again, self._copies[queue][:room] = self._copies[queue][:room], []
        if again:
            asked["MaxNumberOfMessages"] -= len(again)
            asked["WaitTimeSeconds"] = 0
        status, headers, content = call.carry_out(json.dumps(asked).encode())
        new = json.loads(content).get("Messages", []) if status == 200 else []
        for message in new:
            self._received[queue] += 1
            if self._received[queue] % self._each == 0:
                self._copies[queue].append(message)
        return said({"Messages": again + new}) if again else (status, headers, content)


class Counts:
    """The number of messages in a queue may be a minute old.

    "The ApproximateNumberOfMessagesDelayed, ApproximateNumberOfMessagesNotVisible, and
    ApproximateNumberOfMessages metrics may not achieve consistency until at least 1 minute after
    the producers stop sending messages." (GetQueueAttributes)
    """

    def __init__(self, seconds: float = 60.0) -> None:
        self._seconds = seconds
        self._told: Dict[str, Tuple[float, Dict[str, str]]] = {}

    def __call__(self, call: Call) -> Optional[Answer]:
        if call.action != "GetQueueAttributes":
            return None
        status, headers, content = call.carry_out(call.body)
        answer, queue, now = json.loads(content), queue_of(call), time.monotonic()
        told = answer.get("Attributes", {})
        counts = {name: told[name] for name in told if name.startswith("ApproximateNumber")}
        if counts and now - self._told.get(queue, (-self._seconds, {}))[0] >= self._seconds:
            self._told[queue] = now, counts
        told.update({name: self._told[queue][1].get(name, counts[name]) for name in counts})
        return status, headers, json.dumps(answer).encode()


def out_of_order(call: Call) -> Optional[Answer]:
    """The messages of a receive come in no order that anybody may rely on.

    "Standard queues ensure at-least-once message delivery, but due to the highly distributed
    architecture, more than one copy of a message might be delivered, and messages may occasionally
    arrive out of order." (Amazon SQS standard queues)
    """
    if call.action != "ReceiveMessage":
        return None
    status, headers, content = call.carry_out(call.body)
    answer = json.loads(content)
    if status == 200 and answer.get("Messages"):
        answer["Messages"].reverse()
    return status, headers, json.dumps(answer).encode()


def delete_twice(call: Call) -> Optional[Answer]:
    """Deleting a message succeeds, even if it is not deleted.

    "If you use an old ReceiptHandle, the request will succeed, but the message might not be
    deleted." (DeleteMessage)
    """
    if call.action != "DeleteMessageBatch":
        return None
    status, headers, content = call.carry_out(call.body)
    answer = json.loads(content)
    for entry in [*answer.get("Failed", ())] if status == 200 else ():
        if entry["Code"] == "ReceiptHandleIsInvalid":
            answer["Failed"].remove(entry)
            answer.setdefault("Successful", []).append({"Id": entry["Id"]})
    return status, headers, json.dumps(answer).encode()


def limits(call: Call) -> Optional[Answer]:
    """Messages beyond the limits are refused, entry by entry.

    "A message can include only XML, JSON, and unformatted text." (SendMessage) "Each message can
    have up to 10 attributes." and "The Name, Type, Value, and the message body must not be empty
    or null." (message metadata) "The maximum allowed individual message size and the maximum total
    payload size (the sum of the individual lengths of all of the batched messages) are both 1 MiB."
    (SendMessageBatch)
    """
    if call.action != "SendMessageBatch":
        return None
    if sum(map(size, call.entries)) > MEBIBYTE:
        return error(call.action, 400, "AWS.SimpleQueueService.BatchRequestTooLong")
    faults = {entry["Id"]: fault(entry) for entry in call.entries}
    if not any(faults.values()):
        return None
    answer = call.carry_out_in_part([each for each in call.entries if not faults[each["Id"]]])
    failed = [
        {"Id": an_id, "SenderFault": True, "Code": code, "Message": "made for a test"}
        for an_id, code in faults.items()
        if code
    ]
    return said({**answer, "Failed": [*answer.get("Failed", ()), *failed]})


def fault(entry: Dict[str, Any]) -> str:
    """Return the code with which SQS refuses a message, empty if it accepts it."""
    attributes = entry.get("MessageAttributes", {})
    values = [str(each.get("StringValue", "")) for each in attributes.values()]
    if len(attributes) > 10 or not all(values) or not entry["MessageBody"]:
        return "InvalidParameterValue"
    if any(map(_ILLEGAL.search, [entry["MessageBody"], *values])):
        return "InvalidMessageContents"
    return ""


def size(entry: Dict[str, Any]) -> int:
    """Return the size of a message as SQS counts it: with attribute names, types and values."""
    attributes = entry.get("MessageAttributes", {})
    texts = [entry["MessageBody"], *attributes]
    texts += [str(value) for each in attributes.values() for value in each.values()]
    return sum(len(text.encode()) for text in texts)


def queue_of(call: Call) -> str:
    """Return the name of the queue that a call is about, empty if none."""
    if service_of(call.action) != "sqs" or not call.body.startswith(b"{"):
        return ""
    asked = json.loads(call.body)
    return str(asked.get("QueueName") or asked.get("QueueUrl", "")).rsplit("/", 1)[-1]


def said(answer: Dict[str, Any]) -> Answer:
    """Return an answer in SQS's format."""
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer).encode()


def sent(entry: Dict[str, Any]) -> Dict[str, str]:
    """Return the entry for a message that SQS accepted."""
    digest = hashlib.md5(entry["MessageBody"].encode()).hexdigest()
    return {"Id": entry["Id"], "MessageId": digest, "MD5OfMessageBody": digest}


def all_habits() -> Fault:
    """Return one fault that combines all habits."""
    made = (NewQueue(), DeletedQueue(3), NewBucket(1), ShortPoll(), Copies(), Counts())
    habits: List[Fault] = [*made, out_of_order, delete_twice, limits]
    return lambda call: ask(habits, call) if call.agent.startswith(OURS) else None


def ask(habits: Sequence[Fault], call: Call) -> Optional[Answer]:
    """Apply habits in turn: what one forwards goes through the ones after it."""
    if not habits:
        return None
    first, rest = habits[0], habits[1:]

    def carry_out(body: bytes) -> Answer:
        return ask(rest, replace(call, body=body)) or call.carry_out(body)

    return first(replace(call, carry_out=carry_out)) or ask(rest, call)
