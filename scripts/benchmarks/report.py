"""Report: a page with a part for each subject, which tells when and at which commit it was run."""

from __future__ import annotations

import importlib
import os
import platform
import re
import subprocess
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Dict, List, Mapping

from scripts.benchmarks import environment, plot
from scripts.benchmarks.plan import Plan
from scripts.benchmarks.process import ROOT
from scripts.benchmarks.sample import Sample
from scripts.benchmarks.table import Table

OURS = ("boto3", "botocore", "numpy", "Pillow")
TITLES = {
    "summary": "Lists: parsing and summarising",
    "image": "Images: decode, gamma, encode",
    "requests": "Requests to AWS, and their price",
    "throughput": "Throughput",
    "latency": "Latency",
    "startup": "Start-up",
    "memory": "Memory",
    "scale": "Scale",
}
PICTURE = "throughput.svg"


def write(plan: Plan, subjects: Mapping[str, str], output: str) -> None:
    """Measure subjects, and write their parts of the page anew, and its picture."""
    path = Path(output)
    parts = _parts(path)
    for subject, module in subjects.items():
        tables: List[Table] = importlib.import_module(f"scripts.benchmarks.{module}").tables(plan)
        picture = ""
        if subject == "throughput":
            path.with_name(PICTURE).write_text(_curves(tables[0]))
            picture = f"![Lists a second over the time added to each request]({PICTURE})\n\n"
        body = "\n\n".join(table.to_markdown() for table in tables)
        parts[TITLES[subject]] = f"{_origin(subject, plan)}\n\n{picture}{body}"
        page = [f"## {title}\n\n{parts[title]}\n\n" for title in TITLES.values() if title in parts]
        path.write_text(_head() + "".join(page))  # what was measured stays if what follows fails


def _parts(path: Path) -> Dict[str, str]:
    """Read the parts of the page that is there, by their titles."""
    text = path.read_text() if path.exists() else ""
    parts = (part.partition("\n") for part in re.split("^## ", text, flags=re.MULTILINE)[1:])
    return {title: body.strip() for title, _, body in parts}


def _origin(subject: str, plan: Plan) -> str:
    now = datetime.now(timezone.utc)
    return (
        f"`python3 scripts/bench.py {subject}`, on {now:%Y-%m-%d}, commit {_commit()}, "
        f"{plan.rounds} rounds"
    )


def _head() -> str:
    names = [*OURS, *environment.peers()]
    versions = [f"{name} {metadata.version(name)}" for name in names if _installed(name)]
    return (
        "# Benchmarks\n\nWritten by `python3 scripts/bench.py report`. Medians of all rounds, with "
        "the least and the most; in each round every contender has its turn.\n\n"
        f"Machine: {_processor()}, {os.cpu_count()} cores, {platform.system()} "
        f"{platform.release()}, Python {platform.python_version()}. It was shared, so ratios say "
        "more than times.\n\n"
        f"Versions: {', '.join(versions)}.\n\n"
        "The AWS is a local server, on the same processors; what was added on the way to it "
        "stands for the distance to a region.\n\n"
    )


def _curves(table: Table) -> str:
    series: Dict[str, plot.Points] = {}
    for name, *cells in table.rows:
        pairs = [
            (float(column.split()[0]), cell.median)
            for column, cell in zip(table.columns[1:], cells)
            if isinstance(cell, Sample)
        ]
        if "beside" not in str(name) and "left" not in str(name):
            series[str(name)] = pairs
    return plot.curves("Lists a second", "milliseconds added before each request", series)


def _installed(name: str) -> bool:
    try:
        metadata.version(name)
    except metadata.PackageNotFoundError:
        return False
    return True


def _commit() -> str:
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    return done.stdout.decode().strip() or "unknown"


def _processor() -> str:
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
