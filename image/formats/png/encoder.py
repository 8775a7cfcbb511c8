"""Encoder of PNG's pixels: strips of rows are filtered and deflated apart, then joined.

The result depends on the pixels alone, not on how many processors there are.
"""

import zlib
from collections import deque
from functools import lru_cache
from itertools import chain
from typing import Any, Dict, Iterator, NamedTuple, Sequence, Tuple

from image.formats.png.filters import Filters, filter_rows
from image.formats.png.rows import Rows
from image.formats.strips import cut, share

_STRIP_BYTES = 1 << 19
_BANDS = 6  # parts of the height, each with a plan of its own
_SAMPLES, _SAMPLE_BYTES = 12, 1 << 14  # of all bands; each has at least two
_WINDOW, _SAMPLE_WINDOW = 1 << 15, 1 << 14  # how far back deflate looks, also before a strip
_FLAT = 1 / 4  # of its size: what deflates to less is deflated fast even at level 6
_SMALL = 1 << 22  # bytes of rows that take little time even at level 6 with Paeth's filter
_FILTERS: Tuple[Filters, ...] = ((0,), (2,), (1, 2, 3), (1, 2, 3, 4))
_RUNS = (1, zlib.Z_RLE)
_ADLER = 65521


class Plan(NamedTuple):
    """How rows are filtered, and at what level and by which strategy they are deflated."""

    filters: Filters
    deflate: Tuple[int, int] = (1, zlib.Z_DEFAULT_STRATEGY)

    @property
    def slow(self) -> "Plan":
        """Return the plan that takes several times as long to make a smaller stream."""
        is_chosen = len(self.filters) > 1
        return Plan(self.filters, (6, zlib.Z_FILTERED if is_chosen else zlib.Z_DEFAULT_STRATEGY))


def compress(rows: Rows) -> Iterator[bytes]:
    """Yield the pieces of a stream of rows, each strip of them begun as soon as it is decoded."""
    strips = cut(range(rows.header.height), max(1, _STRIP_BYTES // rows.header.stride))
    plans: Dict[range, Plan] = {}
    parts = share(strips, _plan(rows, strips, plans), lambda at: _encode(rows, at, plans[at]))
    start, checksum = b"\x78\x01", 1
    for (piece, part, length), strip in zip(parts, strips):
        checksum = join_checksums(checksum, part, length)
        yield start + piece + (checksum.to_bytes(4, "big") if strip == strips[-1] else b"")
        start = b""


def _plan(rows: Rows, strips: Sequence[range], plans: Dict[range, Plan]) -> Iterator[int]:
    """Plan each band once it is decoded, and yield how many rows have a plan."""
    size = -(-len(strips) // _BANDS)
    bands = deque(strips[first : first + size] for first in range(0, len(strips), size))
    for done in chain(rows.decoded, [strips[-1].stop]):
        while bands and bands[0][-1].stop <= done:
            band = bands.popleft()
            plans.update(dict.fromkeys(band, choose(rows, range(band[0].start, band[-1].stop))))
        yield bands[0][0].start if bands else strips[-1].stop


def choose(rows: Rows, band: range) -> Plan:
    """Choose what makes samples of a band smallest, without what takes long in large pictures."""
    height, stride = rows.header.height, rows.header.stride
    samples = cut(band, max(1, _SAMPLE_BYTES // stride))
    count = min(len(samples), max(2, round(_SAMPLES * len(band) / height)))
    samples = [samples[(2 * at + 1) * len(samples) // (2 * count)] for at in range(count)]
    blocks = [_block(rows, sample, _SAMPLE_WINDOW) for sample in samples]

    @lru_cache(maxsize=None)
    def filtered(filters: Filters) -> Sequence[Tuple[Any, Any]]:
        return [_filter(*block, filters) for block in blocks]

    @lru_cache(maxsize=None)
    def cost(plan: Plan) -> int:
        parts = filtered(plan.filters)
        return sum(len(_deflate(*part, plan.deflate, zlib.Z_FINISH)) for part in parts)

    plans, is_small = [Plan(each) for each in _FILTERS], height * stride <= _SMALL
    if min(map(cost, plans[:2])) < sum(map(len, samples)) * stride * _FLAT:
        return min((plan.slow for plan in (plans if is_small else plans[:3])), key=cost)
    best = min(plans, key=cost)
    return min([best, Plan(best.filters, _RUNS), *[best.slow][:is_small]], key=cost)


def join_checksums(first: int, second: int, length: int) -> int:
    """Return the Adler-32 of two texts, the second of so many bytes, from those of each."""
    low = (first & 0xFFFF) + (second & 0xFFFF) - 1
    high = (first >> 16) + (second >> 16) + length * ((first & 0xFFFF) - 1)
    return high % _ADLER << 16 | low % _ADLER


def _encode(rows: Rows, strip: range, plan: Plan) -> Tuple[bytes, int, int]:
    """Return a strip as a part of a stream, its checksum, and its length before."""
    window, content = _filter(*_block(rows, strip, _WINDOW), plan.filters)
    end = zlib.Z_FINISH if strip.stop == rows.header.height else zlib.Z_SYNC_FLUSH
    return _deflate(window, content, plan.deflate, end), zlib.adler32(content), len(content)


def _block(rows: Rows, strip: range, window: int) -> Tuple[Any, int, int]:
    """Return the rows of a strip and those before it that deflate may look back to."""
    import numpy as np

    before = min(strip.start, -(-window // (1 + rows.header.stride)))
    top, pixel = strip.start - before, max(1, rows.header.pixel_bits // 8)
    block = rows.take(max(0, top - 1), strip.stop)
    return np.pad(block, ((not top, 0), (pixel, 0))), pixel, before


def _filter(block: Any, pixel: int, before: int, filters: Filters) -> Tuple[Any, Any]:
    filtered = filter_rows(block, pixel, filters)
    return filtered[:before].reshape(-1).data, filtered[before:].reshape(-1).data


def _deflate(window: Any, content: Any, deflate: Tuple[int, int], end: int) -> bytes:
    level, strategy = deflate
    stream = zlib.compressobj(level, zlib.DEFLATED, -15, 9, strategy, window)
    return stream.compress(content) + stream.flush(end)
