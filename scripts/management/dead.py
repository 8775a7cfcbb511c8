"""Shows dead letters."""

from __future__ import annotations

import argparse
import re
from datetime import datetime, timedelta, timezone
from typing import Dict, Iterator, List, Set

from messaging import Storage
from messaging.aws.queue_calls import Queue
from messaging.aws.trouble import AWS_ERRORS
from messaging.wire.delivery import Delivery
from messaging.wire.envelope import LOGS
from scripts.management.letter import Letter, take
from scripts.management.part import Part, Row, time_at

HIDDEN = 30  # seconds until letters are visible again if we are killed while we look
SHOWN = 60  # characters of a body; more would break a terminal's lines
DAYS = 15  # of logs; SQS keeps a dead letter for 14
MOST_LOGS = 300  # each costs a request
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
_FAILURE = re.compile(
    r"delivery \d+ of message (?P<id>\S+) from .*\n(?:handled .*\n|note .*\n)*"
    r"(?:failed|refused) +(?P<reason>.*)"
)


def dead(part: Part, options: argparse.Namespace) -> Iterator[Row]:
    """Show the dead letters, and why each failed; none is removed."""
    queue = part.queue(part.names()[1])
    if queue is None:
        return
    now = time_at(queue)
    letters = _look(queue, options.limit)
    wanted = {each.message_id for each, _ in letters}
    reasons = _reasons(part.storage([queue]), part.name, wanted)
    for each, sent_at in letters:
        yield {
            "part": part.name,
            "message": each.message_id,
            "age": f"{now - sent_at:.0f} s" if now else "-",
            "sender": each.sender,
            "receives": each.receive_count,
            "reply to": _reply_to(each) or part.connection.settings.output_queue,
            "body": _plain(each.body)[:SHOWN],
            "reason": reasons.get(each.message_id, "-"),
        }


def _look(queue: Queue, limit: int) -> List[Letter]:
    """Receive up to `limit` letters, and make them visible again."""
    letters: List[Letter] = []
    try:
        while len(letters) < limit:
            taken = take(queue, limit - len(letters), HIDDEN)
            if not taken:
                break
            letters += taken
    finally:
        queue.hide([letter.delivery for letter in letters], 0)
    return letters


def _reply_to(delivery: Delivery) -> str:
    return _plain(delivery.attributes.get("ReplyTo", {}).get("StringValue", ""))


def _plain(text: str) -> str:
    """Return the text without what would move a terminal's cursor."""
    return _CONTROL.sub(" ", text)


def _reasons(storage: Storage, part: str, wanted: Set[str]) -> Dict[str, str]:
    """Return the last failure of each wanted message, as far as the newest logs tell."""
    reasons: Dict[str, str] = {}
    try:
        for number, key in enumerate(_newest_logs(storage, part)):
            if number >= MOST_LOGS or wanted <= set(reasons):
                break
            text = storage.get(key, 1 << 24).decode(errors="replace")
            found = {each["id"]: _plain(each["reason"]) for each in _FAILURE.finditer(text)}
            reasons = {**found, **reasons}
    except AWS_ERRORS:  # without the right to read logs, the letters are shown without reasons
        pass
    return reasons


def _newest_logs(storage: Storage, part: str) -> Iterator[str]:
    today = datetime.now(timezone.utc) + timedelta(days=1)
    for days in range(DAYS + 1):
        prefix = f"{LOGS}{part}/{today - timedelta(days=days):%Y/%m/%d}/"
        pages = storage.s3.get_paginator("list_objects_v2").paginate(**storage.where, Prefix=prefix)
        yield from reversed([item["Key"] for page in pages for item in page.get("Contents", ())])
