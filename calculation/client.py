"""Asks a worker for the minimum, maximum, median and mean of lists of integers."""

import os
import sys

if not __package__:  # run as a file: import from the repository, not from this folder
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import argparse
import json
from functools import partial
from itertools import repeat
from typing import IO, Iterable, Iterator, List, Optional

from calculation import NAMES, lines
from calculation.entered import entered_lists
from calculation.packing import Outcome
from calculation.session import Answers, Session
from messaging import InvalidMessage, Requester
from messaging.console import commandline, program, terminal

EXAMPLES = """\
  python3 client.py
  python3 client.py 3,1,2 -5,7
  python3 client.py --file lists.txt --json > results.jsonl
"""


def main(arguments: List[str]) -> int:
    """Run the client; return the exit code."""
    parser = _parser()
    options = parser.parse_args(commandline.with_negative_lists(arguments))
    if options.lists and options.file:
        parser.error("give lists, or a file of lists with --file, not both")
    connection = commandline.connect(options)
    with Requester(connection, options.reply_queue) as requester:
        if options.file:
            return _send(requester, options, _read(options.file), _count(options.file))
        if options.lists:
            return _send(requester, options, [options.lists], len(options.lists))
        enter = partial(_ask_and_send, requester, options)
        terminal.menu("send a list of integers", enter, connection.check)
    return program.DONE


def _parser() -> argparse.ArgumentParser:
    parser = commandline.parser(description=__doc__, examples=EXAMPLES, **NAMES)
    parser.add_argument(
        "lists", nargs="*", metavar="LIST", help="integers separated by commas; none: the menu"
    )
    parser.add_argument(
        "--file", type=_open, metavar="PATH", help="one list per line, - for standard input"
    )
    commandline.add_client_options(parser)
    return parser


def _ask_and_send(requester: Requester, options: argparse.Namespace) -> None:
    lists = terminal.ask("The list, separated by commas: ", entered_lists, "3,1,2")
    _send(requester, options, [lists], len(lists))


def _open(path: str) -> IO[bytes]:
    """Open unbuffered, so that no read blocks for a full block or on the lock of a buffer."""
    if path == "-" and sys.__stdin__ is None:
        raise argparse.ArgumentTypeError("standard input is closed")
    try:
        source = sys.stdin.fileno() if path == "-" else path
        return open(source, "rb", buffering=0, closefd=path != "-")
    except (OSError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) else error
        raise argparse.ArgumentTypeError(f"cannot read {path or repr(path)}: {why}") from error


def _count(file: IO[bytes]) -> Optional[int]:
    """Count the lists in a file, if it can be read twice."""
    if not file.seekable():
        return None
    start = file.tell()
    count = sum(map(len, _read(file)))
    file.seek(start)
    return count


def _read(file: IO[bytes]) -> Iterator[List[str]]:
    try:
        yield from lines.lists(file)
    except lines.LineCut as error:
        raise InvalidMessage(
            f"a terminal cuts a line after {lines.TERMINAL_LINE:,} characters, as it may have cut "
            "this one: have longer lists read with --file PATH, or from a pipe"
        ) from error
    except OSError as error:
        raise InvalidMessage(f"cannot read {file.name}: {error.strerror}") from error


def _send(
    requester: Requester,
    options: argparse.Namespace,
    batches: Iterable[List[str]],
    total: Optional[int],
) -> int:
    """Send lists and show the outcomes as they come, in the order of the lists."""
    session = Session(requester)
    number = refused = 0
    for answers in terminal.follow(session, batches, options.timeout, total, "list", _how_many):
        if options.json:
            terminal.show("\n".join(map(_as_json, answers.outcomes, repeat(answers.log_key))))
        for outcome in answers.outcomes:
            number += 1
            refused += isinstance(outcome, str)
            if not options.json:
                _show(outcome, answers.log_key, "" if total == 1 else f"list {number}")
        sys.stdout.flush()  # the reader of a pipe may be waiting for it
    return program.REFUSED if refused else program.DONE


def _how_many(answers: Answers) -> int:
    return len(answers.outcomes)


def _as_json(outcome: Outcome, log_key: Optional[str]) -> str:
    if isinstance(outcome, str):
        return json.dumps({"error": outcome})
    return f'{outcome.to_json()[:-1]}, "log": {json.dumps(log_key)}}}'


def _show(outcome: Outcome, log_key: Optional[str], heading: str) -> None:
    if isinstance(outcome, str):
        terminal.show(f"{heading and heading + ': '}refused: {outcome}", sys.stderr)
        return
    values = {**vars(outcome), **({"log": log_key} if log_key else {})}
    rows = [f"  {name:<8}{_plain(value)}" for name, value in values.items()]
    terminal.show("\n".join([heading, *rows] if heading else rows))


def _plain(value: object) -> str:
    """Format a number as a person does: 2 for 2.0."""
    return str(value)[:-2] if str(value).endswith(".0") else str(value)


if __name__ == "__main__":
    program.run(main)
