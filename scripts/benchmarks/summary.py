"""Lists: parsing and summarising, beside what else could do it."""

from __future__ import annotations

import importlib
import importlib.util
import io
import random
import shutil
import statistics
import subprocess
import tempfile
from pathlib import Path
from typing import Any, Callable, Dict, List, Tuple

from scripts.benchmarks.plan import Plan, tell
from scripts.benchmarks.process import compare, peak, seconds
from scripts.benchmarks.sample import Sample
from scripts.benchmarks.table import Cell, Table

Job = Callable[[], object]
FLOOR = "numpy's floor"
STATISTICS_SHARE = 10  # of the numbers, so that a round does not take minutes


def tables(plan: Plan) -> List[Table]:
    """Measure lists of several lengths."""
    counts = plan.pick([1_000_000, 5_000_000], [20_000])
    with tempfile.TemporaryDirectory() as folder:
        return [_table(Path(folder), count, plan.rounds) for count in counts]


def _table(folder: Path, count: int, rounds: int) -> Table:
    tell(f"summary: {count:,} integers")
    text, part = write_list(folder, count), write_list(folder, count // STATISTICS_SHARE)
    jobs: Dict[str, Tuple[Any, ...]] = {
        FLOOR: (f"{__name__}:floor", str(text)),
        "numpy, as int64": (f"{__name__}:whole_numbers", str(text)),
        "calculation.summary": (f"{__name__}:ours", str(text)),
        "statistics": (f"{__name__}:plain", str(part)),
    }
    if importlib.util.find_spec("polars"):
        jobs["polars"] = (f"{__name__}:polars", str(text))
    if shutil.which("datamash"):
        jobs["datamash"] = (f"{__name__}:datamash", str(text))
    timed = compare(jobs, rounds, warm=1)
    once = compare(jobs, 1)
    factors = {name: STATISTICS_SHARE if name == "statistics" else 1 for name in jobs}
    rows: List[Tuple[Cell, ...]] = []
    for name, factor in factors.items():
        took = Sample.of(value * factor for value in seconds(timed[name]).values)
        memory = peak(once[name]).median
        ratio = memory / (text.stat().st_size / factor)
        rows.append((name, took, took.beside(seconds(timed[FLOOR])), memory / 1e6, ratio))
    return Table(
        f"{count:,} integers, {text.stat().st_size / 1e6:.1f} MB of text",
        ("", "seconds", "beside the floor", "peak MB", "peak / text"),
        rows,
        (
            f"statistics: {count // STATISTICS_SHARE:,} integers, its time times "
            f"{STATISTICS_SHARE}. The peak is of the whole process, interpreter and text included.",
        ),
    )


def write_list(folder: Path, count: int) -> Path:
    """Write so many integers, the same each time."""
    path = folder / f"{count}.txt"
    numbers = random.Random(count)
    with path.open("w") as file:
        file.write(str(count))
        file.writelines(f",{numbers.randrange(-(10**9), 10**9)}" for _ in range(count - 1))
    return path


def ours(path: str) -> Job:
    """Prepare our own summary."""
    from calculation.summary import summarise

    text = Path(path).read_text()
    return lambda: str(summarise(text))


def floor(path: str) -> Job:
    """Prepare what numpy does where nobody checks the input."""
    import numpy as np

    text = Path(path).read_text()

    def job() -> str:
        array = np.fromstring(text, sep=",")
        return str((array.min(), array.max(), np.median(array), array.mean()))

    return job


def whole_numbers(path: str) -> Job:
    """Prepare the same for those who know that all are integers of 64 bits."""
    import numpy as np

    text = Path(path).read_text()

    def job() -> str:
        array = np.fromstring(text, dtype=np.int64, sep=",")
        return str((array.min(), array.max(), np.median(array), array.mean()))

    return job


def plain(path: str) -> Job:
    """Prepare what the standard library offers."""
    text = Path(path).read_text()

    def job() -> str:
        values = [int(item) for item in text.split(",")]
        return str((min(values), max(values), statistics.median(values), statistics.mean(values)))

    return job


def polars(path: str) -> Job:
    """Prepare polars, with the commas as ends of lines, which it reads fastest."""
    pl: Any = importlib.import_module("polars")
    text = Path(path).read_text()

    def job() -> str:
        source = io.BytesIO(text.encode())
        column = pl.read_csv(source, has_header=False, eol_char=",", schema={"n": pl.Int64})["n"]
        return str((column.min(), column.max(), column.median(), column.mean()))

    return job


def datamash(path: str) -> Job:
    """Prepare datamash, which takes a number a line."""
    command = f"tr , '\\n' < {path} | datamash min 1 max 1 median 1 mean 1"
    return lambda: subprocess.run(command, shell=True, check=True, stdout=-1).stdout.decode()
