"""Minimum, maximum, median and mean of a list of integers, exactly."""

from __future__ import annotations

from dataclasses import dataclass
from math import isfinite
from typing import TYPE_CHECKING, Any, List, Union

from calculation.integers import INT64, SMALL, parse, parse_short

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt


@dataclass(frozen=True)
class Summary:
    """Minimum, maximum, median and mean of a list of integers.

    `min` and `max` are exact. `mean`, and `median` if it is not an integer, are the floats
    nearest to the exact value.
    """

    count: int
    min: int
    max: int
    median: Union[int, float]
    mean: float

    def to_json(self) -> str:
        """Return the summary as a JSON object with the names of the fields."""
        return (
            f'{{"count": {self.count}, "min": {self.min}, "max": {self.max}, '
            f'"median": {self.median!r}, "mean": {self.mean!r}}}'
        )

    @classmethod
    def from_fields(cls, members: Any) -> Summary:
        """Make a summary from a parsed JSON object, which may hold more; raises ValueError."""
        try:
            count, low, high = members["count"], members["min"], members["max"]
            summary = cls(count, low, high, members["median"], members["mean"])
            whole = {type(count), type(low), type(high)} == {int}
            finite = isfinite(summary.median) and isfinite(summary.mean)
        except (KeyError, TypeError, OverflowError):
            whole = finite = False
        if not whole or not finite or bool in (type(summary.median), type(summary.mean)):
            raise ValueError("no summary")
        return summary


def summarise(text: str) -> Summary:
    """Summarise integers of up to 300 digits, separated by commas.

    Blanks around an integer and a pair of brackets around the list are ignored. Raises
    ValueError, naming the item, if `text` is not such a list.
    """
    if len(text) > SMALL:
        return _summarise_long(text)
    values = sorted(parse_short(text))
    count = len(values)
    middle = values[(count - 1) // 2] + values[count // 2]
    return _summary(count, values[0], values[-1], middle, sum(values))


def _summary(count: int, low: int, high: int, middle: int, total: int) -> Summary:
    """Build a summary; `middle` is the sum of the two middle values.

    Dividing one int by another gives the nearest float, whatever their size.
    """
    median = middle / 2 if middle % 2 else middle // 2
    return Summary(count, low, high, median, total / count)


def _summarise_long(text: str) -> Summary:
    """Summarise with numpy: integers of 64 bits in one array, the few larger ones in a list."""
    import numpy as np

    # An integer and its comma take at least two characters; untouched pages cost no memory.
    within = np.empty(len(text) // 2 + 1, dtype=np.int64)
    size, total = 0, 0
    beyond: List[int] = []
    for array, values in parse(text):
        if array is None:
            beyond.extend(value for value in values if value not in INT64)
            array = np.array([value for value in values if value in INT64], dtype=np.int64)
        within[size : size + len(array)] = array
        size += len(array)
        total += _exact_sum(array)
    return _select(within[:size], sorted(beyond), total + sum(beyond))


def _exact_sum(array: npt.NDArray[np.int64]) -> int:
    """Sum up in two halves of 32 bits, neither of which can overflow within a block."""
    return (int((array >> 32).sum()) << 32) + int((array & 0xFFFFFFFF).sum())


def _select(within: npt.NDArray[np.int64], beyond: List[int], total: int) -> Summary:
    """Pick the order statistics: integers beyond 64 bits sort before or after all others."""
    count = len(within) + len(beyond)
    below = sum(value < 0 for value in beyond)
    middle = [(count - 1) // 2, count // 2]
    inside = [rank - below for rank in middle if 0 <= rank - below < len(within)]
    ends = beyond[:1] + beyond[-1:]
    if len(within):
        ends += int(within.min()), int(within.max())
    if inside:
        within.partition(sorted(set(inside)))

    def value_at(rank: int) -> int:
        if rank < below:
            return beyond[rank]
        if rank < below + len(within):
            return int(within[rank - below])
        return beyond[rank - len(within)]

    return _summary(count, min(ends), max(ends), sum(map(value_at, middle)), total)
