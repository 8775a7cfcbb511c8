"""Deletes what a part has in AWS, and nothing else."""

from __future__ import annotations

import argparse
import sys
from functools import partial
from typing import Callable, Dict, Iterator, List

from messaging import MessagingError, Storage
from messaging.aws.advice import explain
from messaging.aws.buckets import exists
from messaging.aws.queue_calls import Queue
from messaging.aws.rules import is_marked
from messaging.aws.trouble import AWS_ERRORS, is_missing_queue
from messaging.wire.envelope import LOGS, PAYLOADS
from scripts.management.contents import Contents
from scripts.management.part import PARTS, Part, Row, counted, find

PREFIXES = {"calculation": [f"{LOGS}calculation/", PAYLOADS], "image": [f"{LOGS}image/"]}


def delete(part: Part, options: argparse.Namespace) -> Iterator[Row]:
    """Delete queues, logs and payloads, and a bucket that these programs created once it is empty.

    Images are kept, since only their owner knows whether they are still wanted. SQS gives the
    names of deleted queues to new ones only after 60 seconds.
    """
    queues = [queue for queue in map(part.queue, part.names()) if queue] + part.reply_queues()
    storage = part.storage(queues)
    there = exists(storage)
    written = _written(part, storage) if there else {}
    if not options.yes and (queues or written):
        _ask(part, queues, written)
    for queue in queues:
        yield _row(part, queue.name, "queue", _attempt(partial(_delete_queue, queue)))
        options.gone.add(queue.name)
    for contents, size in written.items():
        yield _row(part, contents.prefix, size, _attempt(contents.delete))
    if there:
        yield _bucket(part, storage, options)


def _written(part: Part, storage: Storage) -> Dict[Contents, str]:
    """Return what the part wrote, with its size as text."""
    found = {each: str(each) for each in (Contents(storage, p) for p in PREFIXES[part.name])}
    return {each: size for each, size in found.items() if size}


def _ask(part: Part, queues: List[Queue], written: Dict[Contents, str]) -> None:
    """Show what would be deleted; raises MessagingError unless the user confirms."""
    print(f"This will be deleted from {part.name}:", file=sys.stderr)
    for queue in queues:
        print(f"  {queue.name}: {sum(counted(queue).values()):,} messages", file=sys.stderr)
    for contents, size in written.items():
        print(f"  {contents.prefix} in {contents.storage.bucket}: {size}", file=sys.stderr)
    print("Type delete to confirm: ", end="", file=sys.stderr, flush=True)
    if sys.stdin.readline().strip() != "delete":
        raise MessagingError("nothing more was deleted, since the answer was not delete")


def _delete_queue(queue: Queue) -> str:
    try:
        queue.sqs.delete_queue(QueueUrl=queue.url)
    except AWS_ERRORS as error:
        if not is_missing_queue(error):
            raise
    return ""


def _bucket(part: Part, storage: Storage, options: argparse.Namespace) -> Row:
    """Delete the bucket if nobody needs it; otherwise the row says why it was kept."""
    row = {"part": part.name, "kept": storage.bucket}
    try:
        if not is_marked(storage):
            return {**row, "why": "these programs did not create it"}
        users = [name for name in PARTS if name != part.name and _uses(name, storage, options)]
        if users:
            return {**row, "why": f"{users[0]} uses it"}
        rest = str(Contents(storage))
        if rest:
            how = f"aws s3 rm --recursive s3://{storage.bucket}"
            return {**row, "why": f"it still holds {rest}; `{how}` removes them"}
        storage.s3.delete_bucket(**storage.where)
    except AWS_ERRORS as error:
        return {**row, "failed": explain(error)}
    return _row(part, storage.bucket, "bucket", "")


def _uses(name: str, storage: Storage, options: argparse.Namespace) -> bool:
    """Return whether another part is in use and has that bucket."""
    other = find(name, options)
    inbox = other.queue(other.names()[0])
    if inbox is None or inbox.name in options.gone:  # AWS still finds deleted queues for a minute
        return False
    return other.storage([inbox]).bucket == storage.bucket


def _attempt(step: Callable[[], str]) -> str:
    try:
        return step()
    except AWS_ERRORS as error:
        return explain(error)


def _row(part: Part, name: str, what: str, failed: str) -> Row:
    if failed:
        return {"part": part.name, "kept": name, "what": what, "failed": failed}
    return {"part": part.name, "deleted": name, "what": what}
