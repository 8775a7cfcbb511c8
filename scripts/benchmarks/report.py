"""Report: a page with a section per subject, with the date and commit of its measurement."""

import os
import platform
import re
import subprocess
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path
from typing import Dict, Iterable, Iterator, Tuple

from scripts.benchmarks import environment, plot
from scripts.benchmarks.contest import Plan
from scripts.benchmarks.process import ROOT, find
from scripts.benchmarks.table import Table

# The title of each subject, and the function that measures it.
SUBJECTS: Dict[str, Tuple[str, str]] = {
    "summary": ("Lists: parsing and summarising", "summary:tables"),
    "image": ("Images: decode, gamma, encode", "image:tables"),
    "requests": ("Requests to AWS, and their price", "requests:tables"),
    "throughput": ("Throughput", "pairs:throughput"),
    "latency": ("Latency", "pairs:latency"),
    "memory": ("Memory", "pairs:memory"),
}
PAGE = ROOT / "scripts" / "benchmarks" / "README.md"
DRAWN = "throughput"  # the subject that is also drawn, as an SVG beside the page
HEAD = """\
# Benchmarks

Written by `python3 scripts/bench.py report`. Medians over all rounds, with minimum and maximum; \
in each round every contender has its turn, in a process of its own. The AWS is a local server, on \
the same processors; the milliseconds added on the way stand for the distance to a region.

Machine: {}. It was shared with other work, so ratios say more than times.

Versions: {}.

"""


def measure(subject: str, plan: Plan) -> Iterator[Table]:
    """Measure a subject; if it fails half way, the last table has no rows, but the reason."""
    try:
        yield from find(f"scripts.benchmarks.{SUBJECTS[subject][1]}")(plan)
    except (Exception, SystemExit) as error:
        yield Table(f"{subject}: the rest could not be measured", [""], [], [str(error)])


def write(path: Path, subjects: Iterable[str], plan: Plan) -> Iterator[Table]:
    """Measure subjects, and rewrite their sections of the page after each table."""
    parts, head = _parts(path), _head()
    command = ["git", "-C", str(ROOT), "rev-parse", "--short", "HEAD"]
    commit = subprocess.run(command, stdout=subprocess.PIPE).stdout.decode().strip()
    for subject in subjects:
        title, today = SUBJECTS[subject][0], datetime.now(timezone.utc).date()
        parts[title] = f"`python3 scripts/bench.py {subject}`, on {today}, commit {commit}, "
        parts[title] += f"{plan.rounds} round{'s' * (plan.rounds > 1)}"
        for table in measure(subject, plan):
            parts[title] += f"\n\n{table.to_markdown()}"
            known = (each for each, _ in SUBJECTS.values() if each in parts)
            path.write_text(head + "".join(f"## {each}\n\n{parts[each]}\n\n" for each in known))
            picture = plot.draw(table) if subject == DRAWN else ""
            if picture:
                path.with_name(f"{DRAWN}.svg").write_text(picture, encoding="utf-8")
            yield table


def _parts(path: Path) -> Dict[str, str]:
    """Return the sections of the existing page by title."""
    text = path.read_text() if path.exists() else ""
    parts = (part.partition("\n") for part in re.split("^## ", text, flags=re.MULTILINE)[1:])
    return {title: body.strip() for title, _, body in parts}


def _head() -> str:
    there = {each.metadata["Name"]: each.version for each in metadata.distributions()}
    versions = (f"{name} {there[name]}" for name in environment.packages() if name in there)
    info = Path("/proc/cpuinfo")
    model = re.search("model name\\s*: (.*)", info.read_text() if info.exists() else "")
    machine = model[1] if model else platform.machine(), f"{os.cpu_count()} cores"
    system = f"{platform.system()} {platform.release()}", f"Python {platform.python_version()}"
    return HEAD.format(", ".join((*machine, *system)), ", ".join(versions))
