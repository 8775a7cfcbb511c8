"""SQS and S3 in memory, with the interface of boto3's clients, which fail when a test says so."""

from __future__ import annotations

import hashlib
import itertools
import threading
from dataclasses import dataclass, field
from io import BytesIO
from types import SimpleNamespace
from typing import Any, Callable, Dict, List, Mapping, NamedTuple, Optional, Tuple

from botocore.exceptions import ClientError
from botocore.response import StreamingBody

from messaging import Settings, clock
from messaging.aws.queue_calls import Queue
from messaging.aws.storage import Storage

PLACE = "https://sqs.us-east-1.amazonaws.com/123456789012"
GONE = "AWS.SimpleQueueService.NonExistentQueue"
SETTINGS = Settings("in", "out", "bucket", region="us-east-1")


def aws_error(code: str, status: int = 400, message: str = "made") -> ClientError:
    """Return an error as botocore raises it."""
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, "Made")


class Call(NamedTuple):
    """A request that was made: its action, the queue or key it is about, and its parameters."""

    operation: str
    about: str
    arguments: Mapping[str, Any]


@dataclass
class Message:
    """A message in a queue, hidden until a time."""

    message_id: str
    body: str
    attributes: Mapping[str, Any]
    hidden_until: float = float("-inf")
    handles: List[str] = field(default_factory=list)


@dataclass
class Fault:
    """What happens to the next `times` requests, or to those entries whose text has `within`."""

    operation: str
    error: ClientError
    times: float = float("inf")
    about: str = ""
    within: str = ""
    sender: bool = False

    def meets(self, call: Call) -> bool:
        return self.operation == call.operation and call.about.startswith(self.about)


class Memory:
    """An account with queues and a bucket.

    A long poll that stays empty ends early, so that tests do not wait for it.

    Attributes:
        calls: all requests so far
        faults: what happens to requests to come
        before: called with each request before it is processed
    """

    def __init__(self, *queues: str) -> None:
        self.calls: List[Call] = []
        self.faults: List[Fault] = []
        self.before: Callable[[Call], None] = lambda call: None
        self.objects: Dict[str, bytes] = {}
        self.queues: Dict[str, List[Message]] = {name: [] for name in queues}
        self.attributes: Dict[str, Mapping[str, str]] = {}
        self.longest_poll = 0.02
        self._numbers = itertools.count(1)
        self._changed = threading.Condition(threading.RLock())
        self.sqs: Any = _Client(self, _Sqs(self), "sqs")
        self.s3: Any = _Client(self, _S3(self), "s3")

    def fail(self, operation: str, code: str, status: int = 400, **how: Any) -> Fault:
        """Have requests fail; return the fault, for `mend`."""
        message = how.pop("message", "made")
        fault = Fault(operation, aws_error(code, status, message), **how)
        self.faults.append(fault)
        return fault

    def mend(self, fault: Fault) -> None:
        """Have requests succeed again."""
        self.faults.remove(fault)

    def hang(self, operation: str) -> Tuple[threading.Event, threading.Event]:
        """Have requests hang; return an event set once one does, and one that releases them."""
        begun, let_go = threading.Event(), threading.Event()

        def before(call: Call) -> None:
            if call.operation == operation:
                begun.set()
                let_go.wait(8)

        self.before = before
        return begun, let_go

    def queue(self, name: str) -> Queue:
        """Return a queue as messaging knows it."""
        return Queue(self.sqs, f"{PLACE}/{name}")

    def storage(self) -> Storage:
        """Return the bucket as messaging knows it."""
        return Storage(self.s3, "bucket")

    def connection(self, settings: Settings = SETTINGS) -> Any:
        """Return a stand-in for a Connection."""
        return _Connection(self, settings)

    def send(self, queue: str, body: str, **attributes: str) -> str:
        """Send a message; return its id."""
        written = {k: {"DataType": "String", "StringValue": v} for k, v in attributes.items()}
        message_id = f"message-{next(self._numbers)}"
        with self._changed:
            self.queues[queue].append(Message(message_id, body, written))
            self._changed.notify_all()
        return message_id

    def bodies(self, queue: str) -> List[str]:
        """Return the bodies of all messages in a queue."""
        with self._changed:
            return [message.body for message in self.queues[queue]]

    def asked(self, operation: str, about: str = "") -> List[Call]:
        """Return the requests of an action so far."""
        with self._changed:
            return [c for c in self.calls if c.operation == operation and c.about.startswith(about)]

    def wait_for(self, condition: Callable[[], Any], seconds: float = 8) -> Any:
        """Block until a condition holds, checked after each request; fails after a while."""
        with self._changed:
            value = self._changed.wait_for(condition, seconds)
        assert value, "it did not happen in time"
        return value

    def perform(self, operation: str, work: Callable[..., Any], arguments: Dict[str, Any]) -> Any:
        """Process a request, unless it is to fail."""
        about = arguments.get("QueueUrl") or arguments.get("QueueName") or arguments.get("Key", "")
        call = Call(operation, about.rsplit("/", 1)[-1] if "://" in about else about, arguments)
        self.before(call)
        with self._changed:
            self.calls.append(call)
            try:
                self._raise_fault(call)
                return work(call)
            finally:
                self._changed.notify_all()

    def entry_fault(self, call: Call, entry: Mapping[str, Any]) -> Optional[Dict[str, Any]]:
        """Return what `Failed` says of an entry, None if it succeeds."""
        text = repr(entry) + self.body_of(entry.get("ReceiptHandle", ""))
        for fault in self.faults:
            if fault.within and fault.meets(call) and fault.within in text and fault.times > 0:
                fault.times -= 1
                said = fault.error.response["Error"]
                return {
                    "Id": entry["Id"],
                    "SenderFault": fault.sender,
                    "Code": said["Code"],
                    "Message": said["Message"],
                }
        return None

    def body_of(self, handle: str) -> str:
        """Return the body of the message with a receipt handle."""
        every = [message for queue in self.queues.values() for message in queue]
        return "".join(message.body for message in every if handle in message.handles)

    def receive(self, name: str, most: int, seconds: int, hidden: int) -> List[Dict[str, Any]]:
        """Return visible messages, after waiting for the first."""

        def visible() -> List[Message]:
            now = clock.now()
            return [m for m in self.queues.get(name, ()) if m.hidden_until <= now][:most]

        found = self._changed.wait_for(visible, min(seconds, self.longest_poll))
        return [self._give(message, hidden) for message in found]

    def _give(self, message: Message, hidden: int) -> Dict[str, Any]:
        message.hidden_until = clock.now() + hidden
        message.handles.append(f"handle-{next(self._numbers)}")
        return {
            "MessageId": message.message_id,
            "ReceiptHandle": message.handles[-1],
            "Body": message.body,
            "MessageAttributes": message.attributes,
            "Attributes": {
                "ApproximateReceiveCount": str(len(message.handles)),
                "SenderId": "somebody",
            },
        }

    def _raise_fault(self, call: Call) -> None:
        for fault in self.faults:
            if fault.meets(call) and not fault.within and fault.times > 0:
                fault.times -= 1
                raise fault.error


class _Client:
    """A stand-in for a boto3 client, whose methods are requests."""

    def __init__(self, memory: Memory, service: Any, name: str) -> None:
        self._memory = memory
        self._service = service
        self.meta = SimpleNamespace(
            region_name="us-east-1", endpoint_url=f"https://{name}.us-east-1.amazonaws.com"
        )

    def __getattr__(self, operation: str) -> Callable[..., Any]:
        work = getattr(self._service, operation)
        return lambda **arguments: self._memory.perform(operation, work, arguments)


class _Sqs:
    """SQS's actions, under boto3's names."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get_queue_url(self, call: Call) -> Dict[str, Any]:
        self._there(call)
        return {"QueueUrl": f"{PLACE}/{call.about}"}

    def create_queue(self, call: Call) -> Dict[str, Any]:
        self._memory.queues.setdefault(call.about, [])
        self._memory.attributes[call.about] = call.arguments.get("Attributes", {})
        return {"QueueUrl": f"{PLACE}/{call.about}"}

    def delete_queue(self, call: Call) -> Dict[str, Any]:
        self._there(call)
        del self._memory.queues[call.about]
        return {}

    def get_queue_attributes(self, call: Call) -> Dict[str, Any]:
        self._there(call)
        arn = {"QueueArn": f"arn:aws:sqs:us-east-1:123456789012:{call.about}"}
        return {"Attributes": {**arn, **self._memory.attributes.get(call.about, {})}}

    def receive_message(self, call: Call) -> Dict[str, Any]:
        self._there(call)
        names = ("MaxNumberOfMessages", "WaitTimeSeconds", "VisibilityTimeout")
        limits = (call.arguments[name] for name in names)
        return {"Messages": self._memory.receive(call.about, *limits)}

    def send_message_batch(self, call: Call) -> Dict[str, Any]:
        def send(entry: Mapping[str, Any]) -> None:
            attributes = entry.get("MessageAttributes", {})
            values = {name: value["StringValue"] for name, value in attributes.items()}
            self._memory.send(call.about, entry["MessageBody"], **values)

        return self._each(call, send)

    def delete_message_batch(self, call: Call) -> Dict[str, Any]:
        def delete(entry: Mapping[str, Any]) -> None:
            left = [m for m in self._messages(call) if entry["ReceiptHandle"] not in m.handles]
            self._messages(call)[:] = left

        return self._each(call, delete)

    def change_message_visibility_batch(self, call: Call) -> Dict[str, Any]:
        def hide(entry: Mapping[str, Any]) -> None:
            for message in self._messages(call):
                if entry["ReceiptHandle"] in message.handles:
                    message.hidden_until = clock.now() + entry["VisibilityTimeout"]

        return self._each(call, hide)

    def _each(self, call: Call, work: Callable[[Mapping[str, Any]], None]) -> Dict[str, Any]:
        self._there(call)
        answer: Dict[str, List[Any]] = {"Successful": [], "Failed": []}
        for entry in call.arguments["Entries"]:
            failed = self._memory.entry_fault(call, entry)
            if failed:
                answer["Failed"].append(failed)
            else:
                work(entry)
                answer["Successful"].append({"Id": entry["Id"]})
        return answer

    def _messages(self, call: Call) -> List[Message]:
        return self._memory.queues[call.about]

    def _there(self, call: Call) -> None:
        if call.about not in self._memory.queues:
            raise aws_error(GONE)


class _S3:
    """S3's actions, under boto3's names."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    def get_bucket_lifecycle_configuration(self, call: Call) -> Dict[str, Any]:
        return {"Rules": []}

    def put_object(self, call: Call) -> Dict[str, Any]:
        self._memory.objects[call.about] = call.arguments["Body"]
        return {"ETag": _etag(call.arguments["Body"])}

    def get_object(self, call: Call) -> Dict[str, Any]:
        if call.about not in self._memory.objects:
            raise aws_error("NoSuchKey", 404)
        body = self._memory.objects[call.about]
        if call.arguments.get("IfMatch", _etag(body)) != _etag(body):
            raise aws_error("PreconditionFailed", 412)
        stream = StreamingBody(BytesIO(body), len(body))
        return {"Body": stream, "ContentLength": len(body), "ETag": _etag(body)}


class _Connection:
    """A stand-in for a Connection.

    Attributes:
        asked_for: the clients that were created: service, attempts, seconds
        renewals: how often credentials were to be renewed
        checks: how often settings and credentials were checked
    """

    def __init__(self, memory: Memory, settings: Settings) -> None:
        self.settings = settings
        self.region = "us-east-1"
        self.sqs, self.s3 = memory.sqs, memory.s3
        self.asked_for: List[Any] = []
        self.renewals = 0
        self.checks = 0

    def check(self) -> None:
        self.checks += 1

    def user_id(self) -> str:
        return "AIDAUSER"

    def renew(self) -> None:
        self.renewals += 1

    def storage(self, account: str) -> Storage:
        return Storage(self.s3, "bucket", account)

    def client(self, service: str, attempts: int = 5, seconds: int = 28) -> Any:
        self.asked_for.append((service, attempts, seconds))
        return self.sqs if service == "sqs" else self.s3


def _etag(body: bytes) -> str:
    return f'"{hashlib.md5(body).hexdigest()}"'
