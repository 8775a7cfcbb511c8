"""The private reply queue of a client: its name, its making, and sweeping away orphans."""

from __future__ import annotations

import re
import secrets
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Dict, List, Optional

from .queues import Queue

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType as AttributeName

RETENTION = 3600  # seconds that a reply waits in a private queue
ORPHAN_AGE = timedelta(hours=48)
LONGEST_OUTPUT_NAME = 80 - len("-20260101T0000-0123456789abcdef")
_SUFFIX = re.compile(r"-(\d{8}T\d{4})-[0-9a-f]{16}")
_TIME = "%Y%m%dT%H%M"


def new_name(output_queue: str) -> str:
    """Make up the name of a private reply queue; it tells the time (UTC) of its making."""
    return f"{output_queue}-{datetime.now(timezone.utc):{_TIME}}-{secrets.token_hex(8)}"


def made_at(name: str, output_queue: str) -> Optional[datetime]:
    """Give the time in the name of a private reply queue, None for every other name."""
    suffix = _SUFFIX.fullmatch(name[len(output_queue) :])
    if not name.startswith(output_queue) or suffix is None:
        return None
    try:
        return datetime.strptime(suffix[1], _TIME).replace(tzinfo=timezone.utc)
    except ValueError:
        return None


def may_answer(name: str, output_queue: str) -> bool:
    """Tell whether a worker may answer to that queue: its output queue or a private one."""
    return name == output_queue or made_at(name, output_queue) is not None


def create(sqs: SQSClient, name: str) -> Queue:
    """Create a private reply queue."""
    attributes: Dict[AttributeName, str] = {"MessageRetentionPeriod": str(RETENTION)}
    return Queue(sqs, sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def sweep(sqs: SQSClient, output_queue: str, age: timedelta = ORPHAN_AGE) -> List[str]:
    """Delete the private reply queues made longer ago than `age`; give their names.

    A crashed client leaves its queue behind. No client waits as long as `age`.
    """
    now = datetime.now(timezone.utc)
    swept = []
    for queue, made in existing(sqs, output_queue).items():
        if now - made > age:
            sqs.delete_queue(QueueUrl=queue.url)
            swept.append(queue.name)
    return swept


def existing(sqs: SQSClient, output_queue: str) -> Dict[Queue, datetime]:
    """Give the private reply queues there are, and when each was made."""
    pages = sqs.get_paginator("list_queues").paginate(
        QueueNamePrefix=f"{output_queue}-", PaginationConfig={"PageSize": 1000}
    )
    queues = [Queue(sqs, url) for page in pages for url in page.get("QueueUrls", ())]
    times = {queue: made_at(queue.name, output_queue) for queue in queues}
    return {queue: made for queue, made in times.items() if made}
