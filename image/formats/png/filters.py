"""Filters of PNG: rows as differences, which deflate to less (PNG, third edition, 9.2)."""

from typing import Any, Tuple

from image.formats.png.rows import Rows

Filters = Tuple[int, ...]


def filter_rows(rows: Rows, top: int, bottom: int, filters: Filters) -> Any:
    """Filter rows, each by that of the filters which leaves the smallest differences."""
    import numpy as np

    block, pixel = rows.take(max(0, top - 1), bottom), max(1, rows.header.pixel_bits // 8)
    block = block if top else np.concatenate((np.zeros_like(block[:1]), block))
    result, *others = (_filter(block, kind, pixel) for kind in filters)
    if others:
        lowest = _cost(result)
        for other in others:
            cost = _cost(other)
            better = cost < lowest
            result[better], lowest = other[better], np.minimum(cost, lowest)
    return result


def _cost(rows: Any) -> Any:
    import numpy as np

    return np.abs(rows[:, 1:].view("i1")).view("u1").sum(axis=1, dtype="u4")


def _filter(block: Any, kind: int, pixel: int) -> Any:
    """Filter all rows but the first by one filter: none, sub, up or average."""
    import numpy as np

    row, above = block[1:], block[:-1]
    result = np.empty((len(row), 1 + row.shape[1]), "u1")
    result[:, 0] = kind
    first, rest = result[:, 1 : 1 + pixel], result[:, 1 + pixel :]
    if kind == 0:
        result[:, 1:] = row
    elif kind == 1:
        first[:] = row[:, :pixel]
        np.subtract(row[:, pixel:], row[:, :-pixel], out=rest)
    elif kind == 2:
        np.subtract(row, above, out=result[:, 1:])
    else:
        left, above, beside = row[:, :-pixel], above[:, pixel:], above[:, :pixel]
        np.subtract(row[:, :pixel], beside >> 1, out=first)
        mean = left ^ above
        mean >>= 1
        mean += left & above  # half the sum, in eight bits
        np.subtract(row[:, pixel:], mean, out=rest)
    return result
