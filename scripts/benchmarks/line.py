"""Line: the straight line through measured points, and how far they are from it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Sequence, Tuple


@dataclass(frozen=True)
class Line:
    """y = base + slope * x."""

    base: float
    slope: float

    @classmethod
    def through(cls, points: Sequence[Tuple[float, float]]) -> Line:
        """Fit by least squares of the relative deviation, so that small points count too.

        Where the best base would be negative, which no cost is, the line goes through zero.
        """
        weights = [1 / y**2 for _, y in points]
        total = sum(weights)
        mean_x = sum(w * x for w, (x, _) in zip(weights, points)) / total
        mean_y = sum(w * y for w, (_, y) in zip(weights, points)) / total
        across = sum(w * (x - mean_x) * (y - mean_y) for w, (x, y) in zip(weights, points))
        along = sum(w * (x - mean_x) ** 2 for w, (x, _) in zip(weights, points))
        slope = across / along
        if mean_y >= slope * mean_x:
            return cls(mean_y - slope * mean_x, slope)
        products = sum(w * x * y for w, (x, y) in zip(weights, points))
        return cls(0, products / sum(w * x * x for w, (x, _) in zip(weights, points)))

    def deviation(self, points: Sequence[Tuple[float, float]]) -> float:
        """Give the largest relative deviation of a point."""
        return max(abs(y / (self.base + self.slope * x) - 1) for x, y in points)
