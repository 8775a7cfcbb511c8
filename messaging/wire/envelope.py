"""Request and Reply, and how they are serialised as SQS messages."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import dataclass, field
from typing import Any, Dict, Mapping, NoReturn, Optional

from ..errors import InvalidMessage
from .delivery import LABEL, Delivery

Message = Dict[str, Any]  # an entry of SendMessageBatch without its Id
LOGS, PAYLOADS = "logs/", "payloads/"  # key prefixes in the bucket, reserved for these
INLINE = 256 * 1024  # bytes; longer bodies are cheaper by S3, and ten no longer fit a batch
OK, ERROR = "ok", "error"
LONGEST_ERROR = 1000  # characters
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True)
class Request:
    """A question: the body is what a person would type, the rest travels as attributes."""

    body: str
    correlation_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    reply_to: Optional[str] = None
    payload_key: Optional[str] = None
    parameters: Mapping[str, Any] = field(default_factory=dict)
    etag: Optional[str] = None
    payload_etag: Optional[str] = None

    def to_message(self) -> Message:
        """Serialise the request; raises InvalidMessage for what SQS or JSON cannot carry."""
        if _ILLEGAL.search(self.body):
            raise InvalidMessage("the text holds a control character that SQS does not carry")
        if not LABEL.fullmatch(self.correlation_id):  # else no worker could answer it
            raise InvalidMessage("the correlation id is not 1 to 128 printable ASCII characters")
        try:
            written = json.dumps(dict(self.parameters), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise InvalidMessage(f"the parameters are not JSON: {error}") from error
        return _message(
            self.body,
            CorrelationId=self.correlation_id,
            ReplyTo=self.reply_to,
            PayloadKey=self.payload_key,
            Parameters=written if self.parameters else None,
            ETag=self.etag,
            PayloadETag=self.payload_etag,
        )

    @classmethod
    def from_delivery(cls, delivery: Delivery) -> Request:
        """Parse a request; raises InvalidMessage if it breaks the wire format."""
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
            delivery.label("PayloadETag"),
        )


@dataclass(frozen=True)
class Reply:
    """An answer: a result if `status` is ok, one sentence for a person if it is error."""

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
        """Make a local refusal, which no worker has sent."""
        return cls(sentence, status=ERROR)

    def to_message(self) -> Message:
        """Serialise the reply; characters that SQS would refuse are replaced."""
        body = self.body if self.ok else self.body[:LONGEST_ERROR]
        return _message(
            _ILLEGAL.sub("\ufffd", body),
            CorrelationId=self.correlation_id,
            Status=self.status,
            LogKey=self.log_key,
            ETag=self.etag,
        )

    @classmethod
    def from_delivery(cls, delivery: Delivery) -> Reply:
        """Parse a reply; raises InvalidMessage if it breaks the wire format."""
        correlation_id, status = delivery.text("CorrelationId"), delivery.text("Status")
        if correlation_id is None or status not in (OK, ERROR):
            raise InvalidMessage("no reply: CorrelationId or Status is missing")
        log_key, etag = delivery.text("LogKey"), delivery.text("ETag")
        return cls(delivery.body, correlation_id, status, log_key, etag)


def size_of(message: Message) -> int:
    """Return the size as SQS counts it: the body and the attributes' names, types and values."""
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
