"""Start-up: the time until a program is there, beside what loading boto3 alone takes."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Callable, List, Tuple

from scripts.benchmarks.plan import Plan, tell
from scripts.benchmarks.process import ROOT, compare, seconds
from scripts.benchmarks.table import Cell, Table

FLOOR = "python3 -c 'import boto3'"
PROMPT = b"Your choice: "


def tables(plan: Plan) -> List[Table]:
    """Measure the time to the prompt and to the help text."""
    tell("startup")
    jobs = {
        FLOOR: (f"{__name__}:run", ["-c", "import boto3"]),
        "python3 -c ''": (f"{__name__}:run", ["-c", ""]),
        "calculation/client.py, prompt": (f"{__name__}:prompt", "calculation/client.py"),
        "calculation/client.py --help": (f"{__name__}:run", ["calculation/client.py", "--help"]),
        "image/client.py, prompt": (f"{__name__}:prompt", "image/client.py"),
        "image/client.py --help": (f"{__name__}:run", ["image/client.py", "--help"]),
        "calculation/worker.py --help": (f"{__name__}:run", ["calculation/worker.py", "--help"]),
    }
    results = compare(jobs, plan.rounds, repeats=plan.pick(5, 1), warm=1)
    floor = seconds(results[FLOOR])
    rows: List[Tuple[Cell, ...]] = [
        (name, took.map(lambda value: value * 1000), took.beside(floor))
        for name, took in ((name, seconds(each)) for name, each in results.items())
    ]
    return [Table("Start-up", ("", "milliseconds", "beside boto3"), rows)]


def run(arguments: List[str]) -> Callable[[], object]:
    """Prepare a program that ends by itself."""
    command = [sys.executable, *arguments]
    return lambda: (
        subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.DEVNULL).returncode
    )


def prompt(program: str) -> Callable[[], object]:
    """Prepare a menu; the job ends when it asks for a choice."""
    command = [sys.executable, program]

    def job() -> None:
        with subprocess.Popen(
            command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        ) as menu:
            assert menu.stdout is not None
            said = b""
            while PROMPT not in said:
                piece = os.read(menu.stdout.fileno(), 1 << 12)
                if not piece:
                    raise RuntimeError(f"{program} does not ask")
                said += piece
            menu.kill()

    return job
