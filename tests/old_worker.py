"""A calculation worker for tests that knows nothing of several lists in one message."""

import logging
from typing import List

from calculation import worker
from messaging import Request, Result, Storage
from messaging.console import commandline, program


def handle(request: Request, storage: Storage) -> Result:
    """Treat the body as a single list, whatever the parameters say."""
    return worker.handle(Request(request.body), storage)


def main(arguments: List[str]) -> int:
    """Run the worker on the queues of the calculation tests."""
    parser = commandline.parser("calculation", "in", "out", "A worker for tests.", "  none\n")
    commandline.add_worker_options(parser, concurrency=1)
    return program.serve(parser.parse_args(arguments), "old", handle)


if __name__ == "__main__":
    program.run(main, logging.INFO)
