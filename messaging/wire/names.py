"""The names of reply queues, by which workers know where they may reply."""

import re
import secrets
from datetime import datetime, timezone
from typing import Optional

from ..errors import InvalidMessage
from ..settings import Settings
from .delivery import Delivery

LONGEST_OUTPUT_NAME = 80 - len("-20260101T0000-0123456789abcdef")
_SUFFIX = re.compile(r"-(\d{8}T\d{4})-[0-9a-f]{16}")
_TIME = "%Y%m%dT%H%M"


def new_name(output_queue: str) -> str:
    """Generate the name of a private reply queue, with the time (UTC) of its creation."""
    return f"{output_queue}-{datetime.now(timezone.utc):{_TIME}}-{secrets.token_hex(8)}"


def made_at(name: str, output_queue: str) -> Optional[datetime]:
    """Return the time in the name of a private reply queue, None for any other name."""
    suffix = _SUFFIX.fullmatch(name[len(output_queue) :])
    if not name.startswith(output_queue) or suffix is None:
        return None
    try:
        return datetime.strptime(suffix[1], _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def may_answer(name: str, output_queue: str) -> bool:
    """Return whether a worker may reply to that queue: its output queue or a private one."""
    return name == output_queue or made_at(name, output_queue) is not None


def reply_queue(delivery: Delivery, settings: Settings) -> str:
    """Return where to reply; raises InvalidMessage for a reply, or a queue that is not ours."""
    if "Status" in delivery.attributes:  # two workers must not talk to each other
        raise InvalidMessage("this message is a reply (it has a Status), and no request")
    ours, given = settings.output_queue, delivery.text("ReplyTo")
    name = ours if given is None else given
    if not may_answer(name, ours) or name == settings.input_queue:
        raise InvalidMessage(f"ReplyTo is neither {ours} nor made of it")
    return name
