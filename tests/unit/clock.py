"""A clock that tests set, and messages for them."""

from typing import Any, Optional

from messaging.wire.delivery import Delivery


class Clock:
    """Stands in for `messaging.clock`; time passes only when a test says so."""

    def __init__(self) -> None:
        self.time = 1000.0

    def now(self) -> float:
        return self.time


def delivery(
    message_id: str = "id", since: float = 1000.0, handle: str = "handle", body: str = "3,1,2"
) -> Delivery:
    """Return a message received at that moment."""
    message: Any = {
        "MessageId": message_id,
        "ReceiptHandle": handle,
        "Body": body,
        "Attributes": {"ApproximateReceiveCount": "1", "SenderId": "somebody"},
    }
    return Delivery.from_message(message, since)


def message(body: str, attributes: Optional[Any] = None) -> Delivery:
    """Return a received message with that body and String attributes, as boto3 returns it."""
    received: Any = {"MessageId": "id", "ReceiptHandle": "handle", "Body": body}
    received["MessageAttributes"] = attributes or {}
    return Delivery.from_message(received, 0.0)
