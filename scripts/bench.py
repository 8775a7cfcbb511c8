"""Measures speed and cost beside what people would use instead, and prints tables.

Installs what it compares with into .venv/bench, and starts an AWS of its own.
"""

import os
import sys

sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import argparse
import importlib
import json
from typing import Dict, List

from scripts.benchmarks import environment
from scripts.benchmarks.plan import Plan
from scripts.benchmarks.table import Table

SUBJECTS: Dict[str, str] = {
    "summary": "lists",
    "image": "images",
    "requests": "cost",
    "throughput": "throughput",
    "latency": "latency",
    "startup": "startup",
    "memory": "memory",
    "scale": "scale",
}
EXAMPLES = """\
examples:
  python3 scripts/bench.py summary
  python3 scripts/bench.py throughput --json > throughput.json
  python3 scripts/bench.py report
  python3 scripts/bench.py report --only requests latency
"""


def main(arguments: List[str]) -> int:
    """Measure what was asked for; give the exit code."""
    options = _parser().parse_args(arguments)
    if not options.quick:
        environment.enter(sys.argv)
    plan = Plan(2 if options.quick else options.rounds, options.quick)
    if options.subject == "report":
        report = importlib.import_module("scripts.benchmarks.report")
        chosen = {name: SUBJECTS[name] for name in options.only or SUBJECTS}
        report.write(plan, chosen, options.output)
        return 0
    tables: List[Table] = measure(options.subject, plan)
    if options.json:
        print(json.dumps([table.to_json() for table in tables], indent=2))
    else:
        print("\n\n".join(table.to_text() for table in tables))
    return 0


def measure(subject: str, plan: Plan) -> List[Table]:
    """Measure one subject."""
    module = importlib.import_module(f"scripts.benchmarks.{SUBJECTS[subject]}")
    tables: List[Table] = module.tables(plan)
    return tables


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("subject", choices=[*SUBJECTS, "report"])
    parser.add_argument("--json", action="store_true", help="print JSON instead of tables")
    parser.add_argument("--rounds", type=int, default=5, metavar="N", help="(%(default)s)")
    parser.add_argument(
        "--quick", action="store_true", help="tiny, without peers: only to see that it works"
    )
    parser.add_argument(
        "--output",
        default="scripts/benchmarks/README.md",
        metavar="PATH",
        help="report: (%(default)s)",
    )
    parser.add_argument(
        "--only",
        nargs="+",
        choices=SUBJECTS,
        metavar="SUBJECT",
        help="report: only these parts anew",
    )
    return parser


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
