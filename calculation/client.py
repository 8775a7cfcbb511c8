"""Asks a worker for the minimum, maximum, median and mean of lists of integers."""

import os
import sys

if not __package__:  # run as a file: import from the repository, not from this folder
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import argparse
import json
from functools import partial
from typing import IO, Iterable, List, Optional, Union

from calculation import NAMES
from calculation.entered import entered_lists
from calculation.integers import check
from calculation.summary import Summary
from messaging import Reply, Request, Requester
from messaging.console import commandline, program, terminal

EXAMPLES = """\
  python3 client.py
  python3 client.py 3,1,2 -5,7
  python3 client.py --file lists.txt --json > results.jsonl
"""


def main(arguments: List[str]) -> int:
    """Run the client; give the exit code."""
    options = _parser().parse_args(commandline.with_negative_lists(arguments))
    connection = commandline.connect(options)
    with Requester(connection, options.reply_queue) as requester:
        if options.file is not None:
            return _send_file(requester, options)
        if options.lists:
            return _send(requester, options, options.lists, len(options.lists))
        enter = partial(_ask_and_send, requester, options)
        terminal.menu("send a list of integers", enter, connection.check)
    return program.DONE


def _parser() -> argparse.ArgumentParser:
    parser = commandline.parser(description=__doc__, examples=EXAMPLES, **NAMES)
    parser.add_argument(
        "lists", nargs="*", metavar="LIST", help="integers separated by commas; none: the menu"
    )
    parser.add_argument(
        "--file", type=_open, metavar="PATH", help="one list a line, - for standard input"
    )
    commandline.add_client_options(parser)
    return parser


def _ask_and_send(requester: Requester, options: argparse.Namespace) -> None:
    lists = terminal.ask("The list, separated by commas: ", entered_lists, "3,1,2")
    _send(requester, options, lists, len(lists))


def _send_file(requester: Requester, options: argparse.Namespace) -> int:
    with options.file as file:
        total = None
        if file.seekable():
            total = sum(1 for _ in file)
            file.seek(0)
        return _send(requester, options, (line.rstrip("\r\n") for line in file), total)


def _open(path: str) -> IO[str]:
    source = sys.stdin.fileno() if path == "-" else path
    try:
        return open(source, encoding="utf-8", errors="replace")
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot read {path}: {error.strerror}") from error


def _send(
    requester: Requester, options: argparse.Namespace, lists: Iterable[str], total: Optional[int]
) -> int:
    """Send lists and show their replies as they come, in the order of the lists."""
    refused = 0
    replies = terminal.follow(requester, map(_item, lists), options.timeout, total, "list")
    for number, reply in enumerate(replies, 1):
        refused += not reply.ok
        if options.json:
            terminal.show(_as_json(reply))
        elif reply.ok:
            heading = "" if total == 1 else f"list {number}\n"
            terminal.show(heading + _as_table(reply))
        else:
            heading = "" if total == 1 else f"list {number}: "
            terminal.show(f"{heading}refused: {reply.body}", sys.stderr)
    return program.REFUSED if refused else program.DONE


def _item(text: str) -> Union[Request, Reply]:
    """Make a request of a list, or refuse on the spot what a worker would refuse."""
    try:
        check(text)
    except ValueError as error:
        return Reply.error(str(error))
    return Request(text)


def _as_json(reply: Reply) -> str:
    if not reply.ok:
        return json.dumps({"error": reply.body})
    return json.dumps({**json.loads(reply.body), "log": reply.log_key})


def _as_table(reply: Reply) -> str:
    summary = Summary.from_json(reply.body)
    values = {**vars(summary), "log": reply.log_key}
    return "\n".join(
        f"  {name:<8}{_plain(value)}" for name, value in values.items() if value is not None
    )


def _plain(value: object) -> str:
    """Write a number as a person does: 2 for 2.0."""
    return str(value)[:-2] if str(value).endswith(".0") else str(value)


if __name__ == "__main__":
    program.run(main)
