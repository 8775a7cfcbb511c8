"""Request, Reply and Delivery, and how they are written as SQS messages."""

from __future__ import annotations

import json
import re
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Dict, Mapping, NoReturn, Optional

from ..errors import InvalidMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

Message = Dict[str, Any]  # an entry of SendMessageBatch without its Id
PAYLOADS = "payloads/"
INLINE = 256 * 1024  # bytes; above, S3 is cheaper, and ten messages no longer fit a batch
OK, ERROR = "ok", "error"
_LONGEST_ERROR = 1000  # characters
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_LABEL = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, eq=False)
class Delivery:
    """A message in hand: hidden from others until it is deleted, released or its time is over.

    `sent_at` and `received_at` are seconds since the epoch, by SQS's clock and by ours.
    """

    message_id: str
    receipt_handle: str
    receive_count: int
    sender: str
    sent_at: float
    received_at: float
    body: str
    attributes: Mapping[str, Any]

    @classmethod
    def from_message(cls, message: MessageTypeDef) -> Delivery:
        """Read what ReceiveMessage gave."""
        system = message["Attributes"]
        return cls(
            message["MessageId"],
            message["ReceiptHandle"],
            int(system["ApproximateReceiveCount"]),
            system.get("SenderId", "unknown"),
            int(system["SentTimestamp"]) / 1000,
            time.time(),
            message["Body"],
            message.get("MessageAttributes", {}),
        )

    def text(self, name: str) -> Optional[str]:
        """Give a message attribute, None if it is absent; raises InvalidMessage if no String."""
        attribute = self.attributes.get(name)
        if attribute is None:
            return None
        if attribute.get("DataType") != "String" or "StringValue" not in attribute:
            raise InvalidMessage(f"the attribute {name} is not of type String")
        return str(attribute["StringValue"])

    def label(self, name: str) -> Optional[str]:
        """Give an attribute of at most 128 printable ASCII characters without blanks."""
        text = self.text(name)
        if text is not None and not _LABEL.fullmatch(text):
            raise InvalidMessage(f"the attribute {name} is not 1 to 128 printable characters")
        return text


@dataclass(frozen=True)
class Request:
    """A question: the body is what a person would type, the rest travels as attributes."""

    body: str
    correlation_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    reply_to: Optional[str] = None
    payload_key: Optional[str] = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    etag: Optional[str] = None

    def fits_inline(self) -> bool:
        """Tell whether the request is short enough to be carried by SQS alone."""
        return len(self.body) <= INLINE and size_of(self.to_message()) <= INLINE

    def to_message(self) -> Message:
        """Write the request; raises InvalidMessage for characters that SQS does not carry."""
        if _ILLEGAL.search(self.body):
            raise InvalidMessage("the text holds a control character that SQS does not carry")
        return _message(
            self.body,
            CorrelationId=self.correlation_id,
            ReplyTo=self.reply_to,
            PayloadKey=self.payload_key,
            Parameters=json.dumps(dict(self.parameters)) if self.parameters else None,
            ETag=self.etag,
        )

    @classmethod
    def from_delivery(cls, delivery: Delivery) -> Request:
        """Read a request; raises InvalidMessage if it breaks the wire format."""
        payload_key = delivery.text("PayloadKey")
        if payload_key is not None and not payload_key.startswith(PAYLOADS):
            raise InvalidMessage(f"the attribute PayloadKey does not start with {PAYLOADS}")
        return cls(
            delivery.body,
            delivery.label("CorrelationId") or delivery.message_id,
            delivery.text("ReplyTo"),
            payload_key,
            _parameters(delivery.text("Parameters")),
            delivery.label("ETag"),
        )


@dataclass(frozen=True)
class Reply:
    """An answer: a result where `status` is ok, one sentence for a person where it is error."""

    body: str
    correlation_id: str = ""
    status: str = OK
    log_key: Optional[str] = None
    etag: Optional[str] = None

    @property
    def ok(self) -> bool:
        """Whether the body is a result."""
        return self.status == OK

    @classmethod
    def error(cls, sentence: str) -> Reply:
        """Make a refusal that has not travelled."""
        return cls(sentence, status=ERROR)

    def to_message(self) -> Message:
        """Write the reply; what SQS would not carry is replaced."""
        body = self.body if self.ok else self.body[:_LONGEST_ERROR]
        return _message(
            _ILLEGAL.sub("\ufffd", body),
            CorrelationId=self.correlation_id,
            Status=self.status,
            LogKey=self.log_key,
            ETag=self.etag,
        )

    @classmethod
    def from_delivery(cls, delivery: Delivery) -> Reply:
        """Read a reply; raises InvalidMessage if it breaks the wire format."""
        correlation_id, status = delivery.text("CorrelationId"), delivery.text("Status")
        if correlation_id is None or status not in (OK, ERROR):
            raise InvalidMessage("no reply: CorrelationId or Status is missing")
        log_key, etag = delivery.text("LogKey"), delivery.text("ETag")
        return cls(delivery.body, correlation_id, status, log_key, etag)


def size_of(message: Message) -> int:
    """Give the bytes that SQS counts: the body and the attributes' names, types and values."""
    size = len(message["MessageBody"].encode())
    for name, value in message.get("MessageAttributes", {}).items():
        size += len(name) + len(value["DataType"]) + len(value.get("BinaryValue", b""))
        size += len(value.get("StringValue", "").encode())
    return size


def _message(body: str, **attributes: Optional[str]) -> Message:
    return {
        "MessageBody": body,
        "MessageAttributes": {
            name: {"DataType": "String", "StringValue": value}
            for name, value in attributes.items()
            if value
        },
    }


def _parameters(text: Optional[str]) -> Dict[str, Any]:
    try:
        parameters = json.loads(text or "{}", parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise InvalidMessage("the attribute Parameters is not JSON") from error
    if not isinstance(parameters, dict):
        raise InvalidMessage("the attribute Parameters is not a JSON object")
    return parameters


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
