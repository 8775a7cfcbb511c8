"""Has images processed by a worker: puts them into the bucket and fetches the results."""

import os
import sys

if not __package__:  # run as a file: import from the repository, not from this folder
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import argparse
import contextlib
from functools import partial
from pathlib import Path
from typing import List

from image import NAMES, arguments, files
from image.folders import Search, apart
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
# What cannot be combined with an option, or be used without naming an image.
CONTRADICTIONS = {
    "--no-download": ("--output", "--output-dir", "--overwrite", "--open", "--compare"),
    "--output": ("--output-dir",),
    "the menu": ("--key", "--output", "--compare"),
}
PICTURES = (".png", ".jpg", ".jpeg", ".webp", ".tif", ".tiff", ".gif", ".bmp")


def main(arguments_given: List[str]) -> int:
    """Run the client; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments_given)
    try:
        arguments.check(options.operation, arguments.given(options))
        found = Search(options.images, options.output_dir)
        sources = _checked(options, found)
    except ValueError as error:
        parser.error(str(error))
    connection = commandline.connect(options)
    with Requester(connection, options.reply_queue) as requester:
        session = Session(requester, options)
        if not options.images:
            _complete_file_names()
            act = partial(_ask_and_process, session)
            terminal.menu("process an image", act, connection.check)
            return program.DONE
        code = session.process(sources)
    for line in found.summary():
        terminal.show(line, sys.stderr)
    return code


def _checked(options: argparse.Namespace, found: Search) -> List[files.Source]:
    """Return the images with the options applied; raises ValueError for contradictory options."""
    named = {f"--{name.replace('_', '-')}": value for name, value in vars(options).items()}
    named["the menu"] = not options.images
    for name, others in CONTRADICTIONS.items():
        wrong = [each for each in others if named[name] and named[each]]
        if wrong:
            raise ValueError(f"{' and '.join(wrong)} cannot be used with {name}")
    sources = found.sources
    if options.images and not sources:
        raise ValueError("; ".join(["there is no image in the folders given", *found.summary()]))
    if len(sources) > 1 and (options.key or options.output or options.compare):
        raise ValueError("--key, --output and --compare are for a single image")
    if options.key:
        sources = [sources[0]._replace(key=check_key(options.key), error="")]
    return apart(sources)


def _parser() -> argparse.ArgumentParser:
    parser = commandline.parser(description=__doc__, examples=EXAMPLES, **NAMES)
    some, images = commandline.some, "image files, or folders of them; none: the menu"
    parser.add_argument("images", nargs="*", type=some, metavar="IMAGE", help=images)
    parser.add_argument("--key", type=some, help="key in the bucket (the file's name)")
    parser.add_argument("--operation", choices=list(OPERATIONS), help="instead of the worker's")
    add = parser.add_argument_group("results").add_argument
    add("--output", type=_path, metavar="PATH", help="file for the result")
    add("--output-dir", type=_path, metavar="DIR", help="folder for the results (this one)")
    add("--compare", type=_picture, metavar="PATH", help="draw before and after into one picture")
    add("--overwrite", action="store_true", help="replace files that exist")
    add("--no-download", action="store_true", help="leave them in the bucket")
    add("--open", action="store_true", help="show the result")
    commandline.add_client_options(parser)
    arguments.add_parameters(parser)
    return parser


def _path(text: str) -> Path:
    return Path(commandline.some(text))


def _picture(text: str) -> Path:
    """Argparse type: a file whose extension names a format for a picture."""
    if _path(text).suffix.lower() not in PICTURES:
        raise argparse.ArgumentTypeError(f"{text!r} has no extension of a picture: .png")
    return Path(text)


def _complete_file_names() -> None:
    """Let Tab complete file names, as readline does by itself, if the platform has it."""
    with contextlib.suppress(ImportError):
        import readline

        readline.set_completer_delims("")
        is_libedit = "libedit" in (readline.__doc__ or "")
        readline.parse_and_bind("bind ^I rl_complete" if is_libedit else "tab: complete")


def _ask_and_process(session: Session) -> None:
    path = terminal.ask("The image, with its extension: ", files.find)
    question = f"Its key in the bucket ({path.name} if left empty): "
    session.process_one(terminal.ask(question, partial(_source, path)))


def _source(path: Path, key: str) -> files.Source:
    return files.Source(path, check_key(key.strip() or path.name))


if __name__ == "__main__":
    program.run(main)
