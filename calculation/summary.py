"""Parse a list of integers and summarise it, exactly."""

from __future__ import annotations

import json
import os
import re
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Iterator, List, Optional, Tuple, Union

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_DIGITS = 300
BLANKS = " \t\r\n"
_ITEM = re.compile(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}")
_LONG_ITEM = re.compile(r"[+-]?[0-9]+")
_PLUS, _COMMA, _ZERO = b"+,0"
_MANY_ZEROS = b"0" * (MAX_DIGITS - 20)  # in front of 64 bits they may be too many digits
_BLOCK = 1 << 16  # characters; so small that a pass over it stays in the processor's cache
_SMALL = 1 << 9  # characters; below this, Python is faster than calling numpy
_SHARE = 16  # blocks that a thread parses in one go
_THREADS = min(4, os.cpu_count() or 1)
_INT64 = range(-(1 << 63), 1 << 63)


@dataclass(frozen=True)
class Summary:
    """Minimum, maximum, median and mean of a list of integers.

    `min` and `max` are exact. `mean`, and `median` where it is no integer, are the floats
    nearest to the exact value.
    """

    count: int
    min: int
    max: int
    median: Union[int, float]
    mean: float

    def to_json(self) -> str:
        """Write the summary as a JSON object with the fields' names."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> Summary:
        """Read what `to_json` wrote."""
        return cls(**json.loads(text))


def check(text: str) -> None:
    """Raise ValueError, naming the item, if `text` is no list of integers."""
    for _ in _parsed(text):
        pass


def summarise(text: str) -> Summary:
    """Summarise integers of up to 300 digits that are separated by commas.

    Blanks around an integer do not count. Raises ValueError, naming the item, if `text` is no
    such list.
    """
    if len(text) > _SMALL:
        return _summarise_long(text)
    values = sorted(value for _, values in _parsed(text) for value in values)
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
    """Summarise with numpy: integers of 64 bits in one array, the few beyond apart."""
    import numpy as np

    # An integer and its comma are two characters at least; pages not written to cost nothing.
    within = np.empty(len(text) // 2 + 1, dtype=np.int64)
    size, total = 0, 0
    beyond: List[int] = []
    for array, values in _parsed(text):
        if array is None:
            beyond.extend(value for value in values if value not in _INT64)
            array = np.array([value for value in values if value in _INT64], dtype=np.int64)
        within[size : size + len(array)] = array
        size += len(array)
        total += _exact_sum(array)
    return _select(within[:size], sorted(beyond), total + sum(beyond))


def _exact_sum(array: npt.NDArray[np.int64]) -> int:
    """Add up in two halves of 32 bits, neither of which can overflow in a block."""
    return (int((array >> 32).sum()) << 32) + int((array & 0xFFFFFFFF).sum())


def _select(within: npt.NDArray[np.int64], beyond: List[int], total: int) -> Summary:
    """Pick the order statistics: what lies beyond 64 bits sorts before or after the rest."""
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


def _parsed(text: str) -> Iterator[Tuple[Optional[npt.NDArray[np.int64]], List[int]]]:
    """Give the integers block by block: as an array where that is exact, otherwise as a list."""
    if not text.strip(BLANKS):
        raise ValueError("the list is empty: give integers separated by commas, such as 3,1,2")
    if len(text) <= _SMALL:
        yield None, _parse_items(text, 1)
        return
    bounds = list(_blocks(text))
    first = 1
    for block, array in zip(bounds, _parse_arrays(text, bounds)):
        values = [] if array is not None else _parse_items(text[block], first)
        yield array, values
        first += len(values if array is None else array)


def _parse_arrays(text: str, blocks: List[slice]) -> Iterator[Optional[npt.NDArray[np.int64]]]:
    """Parse blocks; those of a long list on several threads, since numpy lets go of the GIL."""

    def parse(start: int) -> List[Optional[npt.NDArray[np.int64]]]:
        return [_parse_array(text[block]) for block in blocks[start : start + _SHARE]]

    starts = range(0, len(blocks), _SHARE)
    if len(starts) == 1:
        yield from parse(0)
        return
    with ThreadPoolExecutor(_THREADS) as pool:
        for arrays in pool.map(parse, starts):
            yield from arrays


def _blocks(text: str) -> Iterator[slice]:
    """Cut the text at commas."""
    start = 0
    while start <= len(text):
        end = text.find(",", start + _BLOCK)
        end = len(text) if end < 0 else end
        yield slice(start, end)
        start = end + 1


def _parse_items(block: str, first: int) -> List[int]:
    items = [item.strip(BLANKS) for item in block.split(",")]
    for number, item in enumerate(items, first):
        if not _ITEM.fullmatch(item):
            raise ValueError(_complaint(number, item))
    return [int(item) for item in items]


def _parse_array(block: str) -> Optional[npt.NDArray[np.int64]]:
    """Parse with numpy, or give None where only `_parse_items` can tell what the block holds.

    numpy takes blanks and lone signs for zeros, stops at other faults (so the count tells, unless
    the fault is in the last item) and clamps what is beyond 64 bits to the ends of the range.
    """
    import numpy as np

    if not block.isascii():
        return None
    data = block.encode()
    codes = np.frombuffer(data, dtype=np.uint8)
    if codes.min(initial=_ZERO) < _PLUS:  # all blanks sort before signs, comma and digits
        data = _without_blanks(block).encode()
        codes = np.frombuffer(data, dtype=np.uint8)
    last = data[data.rfind(b",") + 1 :].decode()
    if codes.min(initial=_ZERO) < _PLUS or not _ITEM.fullmatch(last) or _MANY_ZEROS in data:
        return None
    commas = codes == _COMMA
    signs = (codes < _ZERO) ^ commas
    if (signs[:-1] & (codes[1:] < _ZERO)).any():
        return None
    try:
        array = np.fromstring(data, dtype=np.int64, sep=",")
    except ValueError:
        return None
    whole = len(array) == np.count_nonzero(commas) + 1
    exact = whole and array.min() > _INT64[0] and array.max() < _INT64[-1]
    return array if exact else None


def _without_blanks(block: str) -> str:
    """Take away the blanks around items, the usual one after a comma in one go."""
    block = block.strip(BLANKS).replace(", ", ",")
    if any(blank in block for blank in BLANKS):
        block = ",".join(item.strip(BLANKS) for item in block.split(","))
    return block


def _complaint(number: int, item: str) -> str:
    shown = repr(item if len(item) <= 40 else item[:37] + "...")
    if not item:
        return f"item {number} is empty"
    if _LONG_ITEM.fullmatch(item):
        digits = len(item.lstrip("+-"))
        return f"item {number}, {shown}, has {digits} digits; at most {MAX_DIGITS} are allowed"
    return f"item {number}, {shown}, is not an integer"
