"""Filters of PNG: rows as differences, which deflate to less (PNG, third edition, 9.2)."""

from typing import Any, Tuple

Filters = Tuple[int, ...]


def filter_rows(block: Any, pixel: int, filters: Filters) -> Any:
    """Filter rows, each by that of the filters which leaves the smallest differences.

    The block has a row more above and a pixel of so many bytes more on the left.
    """
    import numpy as np

    result, *others = (_filter(block, pixel, kind) for kind in filters)
    lowest = _cost(result) if others else 0
    for other in others:
        cost = _cost(other)
        better = cost < lowest
        result[better], lowest = other[better], np.minimum(cost, lowest)
    return result


def _cost(rows: Any) -> Any:
    import numpy as np

    return np.abs(rows[:, 1:].view("i1")).view("u1").sum(axis=1, dtype="u4")


def _filter(block: Any, pixel: int, kind: int) -> Any:
    """Filter all rows by one filter: none, sub, up, average or Paeth's."""
    import numpy as np

    row, left = block[1:, pixel:], block[1:, :-pixel]
    above, corner = block[:-1, pixel:], block[:-1, :-pixel]
    if kind < 3:
        predicted = (0, left, above)[kind]
    else:
        predicted = _mean(left, above) if kind == 3 else _nearest(left, above, corner)
    result = np.empty((len(row), 1 + row.shape[1]), "u1")
    result[:, 0] = kind
    np.subtract(row, predicted, out=result[:, 1:])
    return result


def _mean(left: Any, above: Any) -> Any:
    """Return half the sum of two neighbours, without leaving eight bits."""
    mean = left ^ above
    mean >>= 1
    mean += left & above
    return mean


def _nearest(left: Any, above: Any, corner: Any) -> Any:
    """Return Paeth's choice of the neighbours, without leaving eight bits.

    The corner can be the nearest only where it lies between the other two.
    """
    import numpy as np

    by_left = np.maximum(above, corner) - np.minimum(above, corner)
    by_above = np.maximum(left, corner) - np.minimum(left, corner)
    by_corner = np.maximum(by_left, by_above) - np.minimum(by_left, by_above)
    by_corner[(above > corner) == (left > corner)] = 255
    is_left = (by_left <= by_above) & (by_left <= by_corner)
    return np.where(is_left, left, np.where(by_above <= by_corner, above, corner))
