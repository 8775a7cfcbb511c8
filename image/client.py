"""Has images processed by a worker: puts them into the bucket and fetches the results."""

import os
import sys

if not __package__:  # run as a file: import from the repository, not from this folder
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import argparse
from functools import partial
from pathlib import Path
from typing import List

from image import NAMES, arguments, files
from image.completion import completing_file_names
from image.keys import check_key
from image.operations.table import OPERATIONS
from image.session import Session
from messaging import Requester
from messaging.console import commandline, program, terminal

EXAMPLES = """\
  python3 client.py
  python3 client.py Moon.jpg --gamma 2.2 --compare comparison.png
  python3 client.py photos/ --output-dir results --json
"""


def main(arguments_given: List[str]) -> int:
    """Run the client; give the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments_given)
    try:
        sources = files.collect(options.images, options.key)
    except ValueError as error:
        parser.error(str(error))
    if len(sources) > 1 and (options.key or options.output or options.compare):
        parser.error("--key, --output and --compare are for a single image")
    if options.images and not sources:
        parser.error("there is no image in the folders given")
    connection = commandline.connect(options)
    with Requester(connection, options.reply_queue) as requester:
        session = Session(requester, options)
        if options.images:
            return session.process(sources)
        terminal.menu("process an image", partial(_ask_and_process, session), connection.check)
    return program.DONE


def _parser() -> argparse.ArgumentParser:
    parser = commandline.parser(description=__doc__, examples=EXAMPLES, **NAMES)
    parser.add_argument(
        "images", nargs="*", metavar="IMAGE", help="image files, or folders of them; none: the menu"
    )
    parser.add_argument("--key", default="", help="key in the bucket (the file's name)")
    parser.add_argument("--operation", choices=list(OPERATIONS), help="instead of the worker's")
    results = parser.add_argument_group("results")
    results.add_argument("--output", type=Path, metavar="PATH", help="file for the result")
    results.add_argument(
        "--output-dir", type=Path, default=Path(), metavar="DIR", help="folder for the results"
    )
    results.add_argument("--overwrite", action="store_true", help="replace files that exist")
    results.add_argument("--no-download", action="store_true", help="leave them in the bucket")
    results.add_argument("--open", action="store_true", help="show the result")
    results.add_argument(
        "--compare", type=Path, metavar="PATH", help="draw before and after into one picture"
    )
    commandline.add_client_options(parser)
    arguments.add_parameters(parser)
    return parser


def _ask_and_process(session: Session) -> None:
    with completing_file_names():
        path = terminal.ask("The image, with its extension: ", files.find)
    question = f"Its key in the bucket ({path.name} if left empty): "
    session.process_one(terminal.ask(question, partial(_source, path)))


def _source(path: Path, key: str) -> files.Source:
    return files.Source(path, check_key(key.strip() or path.name))


if __name__ == "__main__":
    program.run(main)
