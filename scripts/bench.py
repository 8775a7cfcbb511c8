"""Measures speed and cost against the alternatives that people use, and prints tables.

Installs the alternatives into .venv/bench, and starts a local AWS. A contender that is missing or
fails is left out, and a line says why.
"""

import os
import sys

sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import argparse
import json
from pathlib import Path
from typing import Any, List

from scripts.benchmarks import environment, report
from scripts.benchmarks.contest import Plan

SUBJECTS = "\n".join(f"  {name:<12}{title}" for name, (title, _) in report.SUBJECTS.items())
EPILOG = f"""\
subjects:
{SUBJECTS}
  report      all of them, written as a page

examples:
  python3 scripts/bench.py summary
  python3 scripts/bench.py throughput --json > throughput.json
  python3 scripts/bench.py report
  python3 scripts/bench.py report --only requests latency
"""


def main(arguments: List[str]) -> int:
    """Print each table as soon as it is measured; return the exit code."""
    parser = _parser()
    options = parser.parse_args(arguments)
    _check(parser, options)
    if not options.quick:
        environment.enter(sys.argv)
    plan = Plan(2 if options.quick else options.rounds or 5, options.quick)
    tables = report.measure(options.subject, plan)
    if options.subject == "report":
        tables = report.write(options.output or report.PAGE, options.only or report.SUBJECTS, plan)
    shown = []
    try:
        for table in tables:
            shown.append(table)
            if not options.json:
                print(table.to_text(), end="\n\n", flush=True)
    except KeyboardInterrupt:
        return 130
    finally:
        if options.json:
            print(json.dumps([table.to_json() for table in shown], indent=2))
    return 0 if all(table.rows for table in shown) else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    add = parser.add_argument
    add("subject", choices=[*report.SUBJECTS, "report"], metavar="SUBJECT", help="see below")
    add("--json", action="store_true", help="print JSON instead of tables")
    size = parser.add_mutually_exclusive_group()
    size.add_argument("--rounds", type=int, choices=range(1, 21), metavar="N", help="1 to 20 (5)")
    size.add_argument("--quick", action="store_true", help="tiny sizes, only to see that it works")
    add("--output", type=Path, metavar="PATH", help="report: the page (benchmarks/README.md)")
    add(
        "--only",
        nargs="+",
        choices=report.SUBJECTS,
        metavar="SUBJECT",
        help="report: only these parts",
    )
    return parser


def _check(parser: argparse.ArgumentParser, options: Any) -> None:
    """Refuse contradictory options, and a page that cannot be written, before any work starts."""
    if options.subject != "report":
        if options.output or options.only:
            parser.error("--output and --only need report")
        return
    if options.json:
        parser.error("--json does not go with report, which writes a page")
    page = options.output or report.PAGE
    if page.is_dir() or not os.access(page if page.exists() else page.parent, os.W_OK):
        parser.error(f"cannot write {page}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
