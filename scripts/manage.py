"""Creates, monitors, repairs and deletes what the programs use in AWS."""

from __future__ import annotations

import os
import sys

if not __package__:  # run as a file: import from the repository, not from this folder
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import argparse
import time
from typing import Any, Callable, Iterator, List

from messaging.aws import sweeping
from messaging.console import commandline, program
from scripts.management import table
from scripts.management.create import create
from scripts.management.dead import dead
from scripts.management.delete import delete
from scripts.management.part import PARTS, Row, find
from scripts.management.redrive import redrive
from scripts.management.status import status
from scripts.management.sweep import sweep

EXAMPLES = """\
examples, for both parts unless one is named:
  python3 scripts/manage.py create
  python3 scripts/manage.py status --watch
  python3 scripts/manage.py dead calculation
  python3 scripts/manage.py redrive calculation --dry-run
  python3 scripts/manage.py sweep --older-than 48
  python3 scripts/manage.py delete image

Queues and buckets have the programs' default names, or those set in the environment
(CALCULATION_INPUT_QUEUE and so on).
exit codes: 0 done, 1 something was refused or is missing, 2 usage,
4 AWS said no or cannot be reached, 130 interrupted.
"""
LONGEST_INTERVAL = 24 * 3600.0  # seconds; more can only be a mistake
OLDEST = 366 * 24.0  # hours; more can only be a mistake
CLEAR = "\x1b[H\x1b[J"  # ECMA-48: cursor to the top left corner, then erase what is below


def main(arguments: List[str]) -> int:
    """Run a command; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    options.gone = set()
    watched = getattr(options, "watch", False)
    if getattr(options, "interval", None) is not None and not watched:
        parser.error("--interval needs --watch")
    while True:
        rows: List[Row] = []
        try:
            for name in options.parts or PARTS:
                rows.extend(_rows(name, options))
        finally:  # show what was done, even if the rest failed
            if rows or not sys.exc_info()[0]:
                _show(rows, options, watched)
        if not watched:
            failed = any("failed" in row for row in rows)
            return program.REFUSED if failed else program.DONE
        time.sleep(options.interval or 5.0)


def _rows(name: str, options: argparse.Namespace) -> Iterator[Row]:
    part = find(name, options)
    part.connection.check()
    yield from options.command(part, options)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    for command in (create, status, dead, redrive, sweep, delete):
        text = str(command.__doc__)
        one = commands.add_parser(command.__name__, help=text.splitlines()[0], description=text)
        one.set_defaults(command=command)
        one.add_argument("parts", nargs="*", type=_part, metavar="PART", help=" or ".join(PARTS))
        one.add_argument("--json", action="store_true", help="print one JSON object per row")
        one.add_argument("--verbose", action="store_true", help="log more details")
        commandline.add_aws_options(one)
        _add_own(one, command)
    return made


def _part(text: str) -> str:
    if text not in PARTS:
        raise argparse.ArgumentTypeError(f"there is no part {text!r}: there are {', '.join(PARTS)}")
    return text


def _add_own(parser: argparse.ArgumentParser, command: Callable[..., Any]) -> None:
    add, number = parser.add_argument, commandline.number
    if command is status:
        add("--watch", action="store_true", help="refresh until Ctrl-C")
        pause = number(0.1, LONGEST_INTERVAL, "seconds")
        add("--interval", type=pause, metavar="SECONDS", help="between refreshes (5)")
    elif command is dead:
        limit = commandline.whole_number(1, 10_000)
        add("--limit", type=limit, default=100, metavar="N", help="at most so many (%(default)s)")
    elif command is redrive:
        add("--dry-run", action="store_true", help="only count what would be moved")
    elif command is sweep:
        age, text = sweeping.ORPHAN_AGE, "only queues older than this (%(default)g)"
        hours = number(1, OLDEST, "hours")
        add("--older-than", type=hours, default=age, metavar="HOURS", help=text)
    elif command is delete:
        add("--yes", action="store_true", help="do not ask for confirmation")


def _show(rows: List[Row], options: argparse.Namespace, watched: bool) -> None:
    if options.json:
        text = table.as_json(rows)
    elif options.command is status:
        text = table.as_status(rows, timed=watched)
    else:
        text = table.as_table(rows) if rows else "nothing to show or do"
    if watched and not options.json and _redraws():
        text = CLEAR + text
    if text:
        print(text, flush=True)


def _redraws() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


if __name__ == "__main__":
    program.run(main)
