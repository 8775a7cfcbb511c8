"""Parses a list of integers: with numpy where that is exact, otherwise item by item."""

from __future__ import annotations

import os
import re
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Iterator, List, Optional, Tuple

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

MAX_DIGITS = 300
BLANKS = " \t\r\n"
SPACES = "\u00a0\u2007\u2009\u202f"  # no-break and thin spaces, as in copied text
SMALL = 1 << 9  # characters; below this, Python is faster than calling numpy
INT64 = range(-(1 << 63), 1 << 63)
_ITEM = re.compile(rf"[+-]?[0-9]{{1,{MAX_DIGITS}}}")
_LIST = re.compile(
    rf"[{BLANKS}]*{_ITEM.pattern}[{BLANKS}]*(?:,[{BLANKS}]*{_ITEM.pattern}[{BLANKS}]*)*"
)
_LONG_ITEM = re.compile(r"[+-]?[0-9]+")
_PLUS, _COMMA, _ZERO = b"+,0"
_MANY_ZEROS = b"0" * (MAX_DIGITS - 20)  # before a 64-bit number they may be too many digits
_BLOCK = 1 << 16  # characters; a longer block would not fit the processor's cache
_SHARE = 16  # blocks that a thread parses at a time
_THREADS = min(4, os.cpu_count() or 1)


def check(text: str) -> str:
    """Return a list as it is sent, with plain spaces and without brackets.

    Raises ValueError, naming the item, if `text` is not a list of integers.
    """
    if len(text) <= SMALL and _LIST.fullmatch(text):
        return text
    text = _plain(text)
    for _ in _parse(text):
        pass
    return text


def parse_short(text: str) -> List[int]:
    """Return the integers of a list; raises ValueError, naming the item, if it is not one."""
    if _LIST.fullmatch(text):
        return [int(item) for item in text.split(",")]
    return _parse_items(_not_empty(_plain(text)), 1)


def parse(text: str) -> Iterator[Tuple[Optional[npt.NDArray[np.int64]], List[int]]]:
    """Yield the integers block by block: as an array where that is exact, otherwise as a list.

    Raises ValueError, naming the item, if `text` is not a list of integers.
    """
    return _parse(_plain(text))


def _parse(text: str) -> Iterator[Tuple[Optional[npt.NDArray[np.int64]], List[int]]]:
    _not_empty(text)
    if len(text) <= SMALL:
        yield None, _parse_items(text, 1)
        return
    bounds = list(_blocks(text))
    first = 1
    for block, array in zip(bounds, _parse_arrays(text, bounds)):
        values = [] if array is not None else _parse_items(text[block], first)
        yield array, values
        first += len(values if array is None else array)


def _plain(text: str) -> str:
    """Strip one pair of brackets around a list, and replace special spaces by plain ones."""
    if not text.isascii():
        for space in SPACES:
            text = text.replace(space, " ")
    bare = text.strip(BLANKS)
    return bare[1:-1] if bare[:1] == "[" and bare[-1:] == "]" else text


def _not_empty(text: str) -> str:
    if not text.strip(BLANKS):
        raise ValueError("the list is empty: give integers separated by commas, such as 3,1,2")
    return text


def _parse_arrays(text: str, blocks: List[slice]) -> Iterator[Optional[npt.NDArray[np.int64]]]:
    """Parse blocks; for a long list on several threads, since numpy releases the GIL."""

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
    """Parse with numpy, or return None if only `_parse_items` can tell what the block holds.

    numpy reads blanks and lone signs as zeros, stops at other faults (so the count tells, unless
    the fault is in the last item) and clamps what exceeds 64 bits to the ends of the range.
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
    exact = whole and array.min() > INT64[0] and array.max() < INT64[-1]
    return array if exact else None


def _without_blanks(block: str) -> str:
    """Strip the blanks around items, the usual one after a comma all at once."""
    block = block.strip(BLANKS).replace(", ", ",")
    if any(blank in block for blank in BLANKS):
        block = ",".join(item.strip(BLANKS) for item in block.split(","))
    return block


def quoted(text: str) -> str:
    """Quote somebody's text on one line, cut if it is long."""
    return repr(text if len(text) <= 40 else text[:37] + "...")


def _complaint(number: int, item: str) -> str:
    shown = quoted(item)
    if not item:
        return f"item {number} is empty"
    if _LONG_ITEM.fullmatch(item):
        digits = len(item.lstrip("+-"))
        return f"item {number}, {shown}, has {digits} digits; at most {MAX_DIGITS} are allowed"
    return f"item {number}, {shown}, is not an integer"
