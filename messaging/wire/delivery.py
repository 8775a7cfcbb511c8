"""Delivery: a message as ReceiveMessage returned it."""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Mapping, Optional

from .. import clock
from ..errors import InvalidMessage

if TYPE_CHECKING:
    from mypy_boto3_sqs.type_defs import MessageTypeDef

LABEL = re.compile(r"[\x21-\x7e]{1,128}")


@dataclass(frozen=True, eq=False)
class Delivery:
    """A message in hand: hidden from others until it is deleted, released or its lease expires.

    `since` is when it was received, by `clock`, for measuring; `received_at` is the same in
    seconds since the epoch, for people.
    """

    message_id: str
    receipt_handle: str
    receive_count: int
    sender: str
    body: str
    attributes: Mapping[str, Any]
    since: float = field(default_factory=clock.now)
    received_at: float = field(default_factory=time.time)

    @classmethod
    def from_message(cls, message: MessageTypeDef, since: float) -> Delivery:
        """Parse a message of ReceiveMessage."""
        system = message.get("Attributes", {})
        return cls(
            message["MessageId"],
            message["ReceiptHandle"],
            int(system.get("ApproximateReceiveCount", 1)),
            system.get("SenderId", "unknown"),
            message["Body"],
            message.get("MessageAttributes", {}),
            since,
        )

    def bare(self) -> Delivery:
        """Return the same without its body: what waits must not fill the memory."""
        return replace(self, body="", attributes={})

    def text(self, name: str) -> Optional[str]:
        """Return a message attribute, None if absent; raises InvalidMessage if not a String."""
        attribute = self.attributes.get(name)
        if attribute is None:
            return None
        if attribute.get("DataType") != "String" or "StringValue" not in attribute:
            raise InvalidMessage(f"the attribute {name} is not of type String")
        return str(attribute["StringValue"])

    def label(self, name: str) -> Optional[str]:
        """Return an attribute; raises InvalidMessage if not 1 to 128 printable ASCII characters."""
        text = self.text(name)
        if text is not None and not LABEL.fullmatch(text):
            raise InvalidMessage(f"the attribute {name} is not 1 to 128 printable characters")
        return text
