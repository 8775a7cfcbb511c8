"""Deletes the reply queues of crashed clients."""

from __future__ import annotations

import argparse
from typing import Iterator

from messaging.aws import sweeping
from scripts.management.part import Part, Row


def sweep(part: Part, options: argparse.Namespace) -> Iterator[Row]:
    """Delete the reply queues that crashed clients left behind, but none in use."""
    connection = part.connection
    output_queue = connection.settings.output_queue
    for queue, reason in sweeping.sweep(connection.sqs, output_queue, options.older_than):
        if reason:
            yield {"part": part.name, "kept": queue.name, "failed": reason}
        else:
            yield {"part": part.name, "swept": queue.name}
