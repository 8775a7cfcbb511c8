"""Contest: measures contenders in turn, and compares them in a table."""

import statistics
import sys
from functools import partial
from itertools import chain
from typing import Callable, Dict, Iterator, List, Mapping, NamedTuple, Sequence, TypeVar

from scripts.benchmarks.process import Measured
from scripts.benchmarks.table import Cell, Sample, Table

T = TypeVar("T")


class Plan(NamedTuple):
    """How much to measure.

    Attributes:
        rounds: in each, every contender has its turn, so that all meet the same noise
        quick: whether to use tiny sizes, whose figures mean nothing
    """

    rounds: int = 5
    quick: bool = False

    def pick(self, full: T, tiny: T) -> T:
        """Return the size that fits this plan."""
        return tiny if self.quick else full


class Column(NamedTuple):
    """A figure of each contender; `beside` adds a column with its ratio to the baseline's."""

    name: str
    of: Callable[[Measured], float]
    beside: bool = False


Contenders = Mapping[str, Callable[[], Measured]]
Columns = Sequence[Column]
SECONDS = Column("seconds", lambda measured: statistics.median(measured.seconds), beside=True)
PEAK = Column("peak MB", lambda measured: measured.peak / 1e6)


def parts(*names: str, beside: bool = False) -> Columns:
    """Return a column for each item of a contender's value."""
    return [Column(name, partial(_part, at), beside) for at, name in enumerate(names)]


def _part(at: int, measured: Measured) -> float:
    return float(measured.value[at])


def compare(
    title: str, contenders: Contenders, columns: Columns, rounds: int, floor: str = ""
) -> Iterator[Table]:
    """Measure contenders in turn, and yield a table with a row for each.

    A contender that fails is left out, and a note says why. After Ctrl-C the table has what was
    measured so far. The baseline is the first contender unless `floor` names another.
    """
    floor = floor or next(iter(contenders))
    print(title, file=sys.stderr, flush=True)
    results: Dict[str, List[Measured]] = {name: [] for name in contenders}
    lost: List[str] = []
    stopped = None
    for name in list(contenders) * rounds:
        try:
            if name in results and not stopped:
                results[name].append(contenders[name]())
        except KeyboardInterrupt as error:
            stopped = error
        except Exception as error:  # whatever one does must not cost the others their figures
            del results[name]
            lost.append(f"{name} is left out: {error}")
            print(lost[-1], file=sys.stderr, flush=True)
    heads = ([each.name, f"{each.name} / {floor}"][: 1 + each.beside] for each in columns)
    rows = [[name, *_cells(results[name], results.get(floor, ()), columns)] for name in results]
    yield Table(title, ["", *chain(*heads)], rows, lost)
    if stopped:
        raise stopped


def _cells(mine: Sequence[Measured], floor: Sequence[Measured], columns: Columns) -> Iterator[Cell]:
    for column in columns:
        ours, theirs = (Sample(tuple(map(column.of, each))) for each in (mine, floor))
        yield from (ours, ours.beside(theirs))[: 1 + column.beside]
