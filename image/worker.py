"""Processes images that a queue names: from the bucket, back into the bucket."""

import os
import sys

if not __package__:  # run as a file: import from the repository, not from this folder
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import argparse
import logging
from dataclasses import dataclass
from typing import Any, List, Mapping

from image import NAMES, arguments
from image.formats.limits import DEFAULT_LIMITS, Limits
from image.keys import check_key, result_key
from image.operations.table import OPERATIONS, Edit, prepare
from messaging import Request, RequestRejected, Result, Storage
from messaging.console import commandline, program

EXAMPLES = """\
  python3 worker.py gamma
  python3 worker.py gamma --gamma 0.5 --concurrency 2
  python3 worker.py sauvola --window 31 --drain
"""
LIMITS = ("pixels", "frames", "scans", "bytes")
POOL = 256  # megabytes that Pillow keeps for the next image; none costs half as much time again


@dataclass(frozen=True)
class Processor:
    """Handles a request.

    Attributes:
        operation, values: what is done unless a request asks for something else
        limits: the largest images that are accepted
    """

    operation: str
    values: Mapping[str, float]
    limits: Limits

    def __call__(self, request: Request, storage: Storage) -> Result:
        """Process the image whose key the request carries; raises RequestRejected to refuse it."""
        from image.formats import codec

        try:
            edit = self._edit(request.parameters)
            key = check_key(request.body)
            data = storage.get(key, self.limits.bytes, request.etag)
            image = codec.process(data, edit, self.limits)
        except ValueError as error:
            raise RequestRejected(str(error)) from error
        target = result_key(key)
        etag = storage.put(target, image.data, image.content_type)
        done = f"{edit.operation.name} {dict(edit.values)}, {image.format}"
        sizes = f"{len(data):,} bytes in {key!r}, {len(image.data):,} in {target!r}"
        return Result(target, (f"{done}, {sizes}", *image.remarks), etag)

    def _edit(self, parameters: Mapping[str, Any]) -> Edit:
        """Return the edit that the request asks for; the command line supplies the rest."""
        values = dict(parameters)
        operation = values.pop("operation", self.operation)
        if operation == self.operation:
            values = {**self.values, **values}
        return prepare(operation, values)


def main(arguments_given: List[str]) -> int:
    """Run the worker; return the exit code."""
    parser = commandline.parser(description=__doc__, examples=EXAMPLES, **NAMES)
    what = "what is done where a request does not say; with its values, below"
    parser.add_argument("operation", choices=list(OPERATIONS), metavar=arguments.NAMES, help=what)
    commandline.add_worker_options(parser, concurrency=os.cpu_count() or 1)
    arguments.add_parameters(parser)
    limits = "limits, checked before decoding (pixels: of all frames; scans: of a JPEG)"
    group, size = parser.add_argument_group(limits), commandline.whole_number(1, 10**9 - 1)
    for name in LIMITS:
        default = getattr(DEFAULT_LIMITS, name)
        text = f"most {name} ({default:,})"
        group.add_argument(f"--max-{name}", type=size, default=default, metavar="N", help=text)
    group.add_argument("--no-tiff", action="store_true", help="refuse TIFF, as on an old Pillow")
    options = parser.parse_args(arguments_given)
    try:
        arguments.check(options.operation, arguments.given(options))
    except ValueError as error:
        parser.error(str(error))
    return _serve(options)


def _serve(options: argparse.Namespace) -> int:
    from image.formats.codec import reuse_memory  # loads Pillow, which --help does not need

    reuse_memory(POOL)
    most = {name: getattr(options, f"max_{name}") for name in LIMITS}
    limits = Limits(tiff=not options.no_tiff, **most)
    processor = Processor(options.operation, arguments.given(options), limits)
    return program.serve(options, NAMES["part"], processor, batch=1)


if __name__ == "__main__":
    program.run(main, logging.INFO)
