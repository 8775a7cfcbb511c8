"""Lists: parsing and summarising, against other ways to do it."""

import random
import statistics
import tempfile
from functools import partial
from pathlib import Path
from typing import Iterator

from scripts.benchmarks.contest import PEAK, SECONDS, Plan, compare
from scripts.benchmarks.process import Job, measure
from scripts.benchmarks.table import Table


def tables(plan: Plan) -> Iterator[Table]:
    """Measure lists of several lengths; peaks are those of whole processes, text included."""
    with tempfile.TemporaryDirectory() as folder:
        for count in plan.pick((10_000, 1_000_000), (20_000,)):
            path, chance = Path(folder, "list.txt"), random.Random(count)
            path.write_text(",".join(str(chance.randrange(-(10**9), 10**9)) for _ in range(count)))
            contenders = {
                name: partial(measure, f"{__name__}:prepare", str(path), name, warm=1)
                for name in ACTS
            }
            title = f"{count:,} integers, {path.stat().st_size / 1e6:.1f} MB of text"
            yield from compare(title, contenders, (SECONDS, PEAK), plan.rounds)


def prepare(path: str, name: str) -> Job:
    """Prepare a contender, with the text already read."""
    text, act = Path(path).read_text(), ACTS[name]
    return lambda: str(act(text))


def _ours(text: str) -> object:
    from calculation.summary import summarise

    return summarise(text)


def _numpy(text: str) -> object:
    """Summarise without any check of the input."""
    import numpy as np

    array = np.fromstring(text, np.int64, sep=",")
    return array.min(), array.max(), np.median(array), array.mean()


def _statistics(text: str) -> object:
    values = [int(item) for item in text.split(",")]
    return min(values), max(values), statistics.median(values), statistics.mean(values)


ACTS = {"numpy": _numpy, "calculation.summary": _ours, "statistics": _statistics}
