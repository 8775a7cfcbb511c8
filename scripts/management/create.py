"""Creates what a part needs."""

from __future__ import annotations

import argparse
from typing import Iterator

from messaging.aws.buckets import complete_bucket, exists
from messaging.aws.queues import complete_queue, open_queue
from scripts.management.part import Part, Row


def create(part: Part, options: argparse.Namespace) -> Iterator[Row]:
    """Create the queues and the bucket, and complete those that exist but are unfinished."""
    sqs, settings = part.connection.sqs, part.connection.settings
    before = {name for name in part.names() if part.queue(name)}
    inbox = open_queue(sqs, settings.input_queue, dead_letter=True)
    open_queue(sqs, settings.output_queue)
    complete_queue(inbox)
    storage = part.storage([inbox])
    if exists(storage):
        before.add(storage.bucket)
    complete_bucket(storage)
    for kind, name in [*(("queue", name) for name in part.names()), ("bucket", storage.bucket)]:
        state = "existed" if name in before else "created"
        yield {"part": part.name, "kind": kind, "name": name, "state": state}
