"""Answers lists of integers from a queue with their minimum, maximum, median and mean."""

import os
import sys

if not __package__:  # run as a file: import from the repository, not from this folder
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import logging
from typing import List

from calculation import NAMES, packing
from calculation.summary import summarise
from messaging import Request, RequestRejected, Result, Storage
from messaging.console import commandline, program

EXAMPLES = """\
  python3 worker.py
  python3 worker.py --concurrency 8 --input-queue InputQueue
  python3 worker.py --drain
"""


def handle(request: Request, storage: Storage) -> Result:
    """Summarise the list or lists of a request; raises RequestRejected if it has none."""
    try:
        if packing.PARAMETER in request.parameters:
            lists = packing.unpack(request.body, request.parameters[packing.PARAMETER])
            return Result(packing.answer(lists), notes=(f"{len(lists)} lists",))
        summary = summarise(request.body)
    except ValueError as error:
        raise RequestRejected(str(error)) from error
    return Result(summary.to_json(), notes=(f"{summary.count} numbers",))


def main(arguments: List[str]) -> int:
    """Run the worker; return the exit code."""
    parser = commandline.parser(description=__doc__, examples=EXAMPLES, **NAMES)
    commandline.add_worker_options(parser, concurrency=4)
    return program.serve(parser.parse_args(arguments), NAMES["part"], handle)


if __name__ == "__main__":
    program.run(main, logging.INFO)
