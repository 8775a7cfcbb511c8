"""Makes, watches, mends and deletes what the programs use in AWS."""

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
examples, for both pairs unless one is named:
  python3 scripts/manage.py create
  python3 scripts/manage.py status --watch
  python3 scripts/manage.py dead calculation
  python3 scripts/manage.py redrive calculation --dry-run
  python3 scripts/manage.py sweep --older-than 48
  python3 scripts/manage.py delete image

Names are those of the programs, or what CALCULATION_INPUT_QUEUE and so on say.
exit codes: 0 done, 1 something was refused or is missing, 2 usage,
4 AWS said no or cannot be reached, 130 interrupted.
"""
LONGEST_INTERVAL = 24 * 3600.0  # seconds
OLDEST = 366 * 24.0  # hours
CLEAR = "\x1b[H\x1b[J"  # ECMA-48: cursor to the top left corner, then erase what is below


def main(arguments: List[str]) -> int:
    """Carry out a command; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    options.gone = set()
    watched = getattr(options, "watch", False)
    if getattr(options, "interval", None) is not None and not watched:
        parser.error("--interval goes with --watch")
    while True:
        rows: List[Row] = []
        try:
            for name in options.parts or PARTS:
                rows.extend(_rows(name, options))
        finally:  # print what was done, even if the rest was refused
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
        one.add_argument("--json", action="store_true", help="print a JSON object a row")
        one.add_argument("--verbose", action="store_true", help="say more about what happens")
        commandline.add_aws_options(one)
        _add_own(one, command)
    return made


def _part(text: str) -> str:
    if text not in PARTS:
        raise argparse.ArgumentTypeError(f"there is no part {text!r}: there are {', '.join(PARTS)}")
    return text


def _add_own(parser: argparse.ArgumentParser, command: Callable[..., Any]) -> None:
    if command is status:
        parser.add_argument("--watch", action="store_true", help="again and again, until Ctrl-C")
        interval = commandline.number(0.1, LONGEST_INTERVAL, "seconds")
        parser.add_argument("--interval", type=interval, metavar="SECONDS", help="(5)")
    elif command is dead:
        limit = commandline.whole_number(1, 10_000)
        parser.add_argument("--limit", type=limit, default=100, metavar="N", help="(%(default)s)")
    elif command is redrive:
        parser.add_argument("--dry-run", action="store_true", help="only count what would move")
    elif command is sweep:
        age, hours = sweeping.ORPHAN_AGE, commandline.number(1, OLDEST, "hours")
        parser.add_argument(
            "--older-than", type=hours, default=age, metavar="HOURS", help="(%(default)g)"
        )
    elif command is delete:
        parser.add_argument("--yes", action="store_true", help="do not ask")


def _show(rows: List[Row], options: argparse.Namespace, watched: bool) -> None:
    if options.json:
        text = table.as_json(rows)
    elif options.command is status:
        text = table.as_status(rows, timed=watched)
    else:
        text = table.as_table(rows) if rows else "nothing done"
    if watched and not options.json and _redraws():
        text = CLEAR + text
    if text:
        print(text, flush=True)


def _redraws() -> bool:
    return sys.stdout.isatty() and os.environ.get("TERM", "dumb") != "dumb"


if __name__ == "__main__":
    program.run(main)
