"""Sample: what was measured several times."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any, Callable, Dict, Iterable, Tuple


@dataclass(frozen=True)
class Sample:
    """Values of one quantity, in the order in which they were measured."""

    values: Tuple[float, ...]

    @classmethod
    def of(cls, values: Iterable[float]) -> Sample:
        """Make a sample."""
        return cls(tuple(values))

    @property
    def median(self) -> float:
        """The middle value."""
        return statistics.median(self.values)

    def quantile(self, share: float) -> float:
        """Give the value below which so large a share of the values lies."""
        return sorted(self.values)[min(int(share * len(self.values)), len(self.values) - 1)]

    def beside(self, other: Sample) -> Sample:
        """Give the ratios to a sample of the same rounds, in which both met the same noise."""
        return Sample.of(mine / theirs for mine, theirs in zip(self.values, other.values))

    def map(self, change: Callable[[float], float]) -> Sample:
        """Give the sample in another unit."""
        return Sample.of(map(change, self.values))

    def to_json(self) -> Dict[str, Any]:
        """Write the sample with its median, which is what a reader wants first."""
        return {"median": self.median, "values": list(self.values)}

    def __str__(self) -> str:
        if len(self.values) == 1:
            return number(self.median)
        low, high = min(self.values), max(self.values)
        return f"{number(self.median)} ({number(low)}-{number(high)})"


def number(value: float) -> str:
    """Write a number with three digits that matter, and no exponent."""
    if value != 0 and abs(value) < 0.001:
        return f"{value:.2g}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"
