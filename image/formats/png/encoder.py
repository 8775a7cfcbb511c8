"""Encoder of PNG's pixels: strips of rows are filtered and deflated apart, then joined.

The result depends on the pixels alone, not on how many processors there are.
"""

import zlib
from typing import Any, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

from image.formats.png.filters import Filters, filter_rows
from image.formats.png.rows import Rows
from image.formats.strips import cut, share

_STRIP_BYTES = 1 << 19
_SAMPLE_BYTES = 1 << 14
_WINDOW = 1 << 15  # how far back deflate looks, also beyond the start of a strip
_EARLY, _ALL = [at / 32 for at in range(1, 7)], [(at + 0.5) / 11 for at in range(11)]
_RICH = 1 / 3  # of its size
_FILTERS: Tuple[Filters, ...] = ((0,), (2,), (1, 2, 3), (1, 2, 3, 4))
_FAST, _RUNS = (1, zlib.Z_DEFAULT_STRATEGY), (1, zlib.Z_RLE)
_SMALL, _SMALL_FILTERED = (6, zlib.Z_DEFAULT_STRATEGY), (6, zlib.Z_FILTERED)
_LARGE, _WORTH = 1 << 22, 0.97  # level 6 takes four times as long
_ADLER = 65521


class Plan(NamedTuple):
    """How rows are filtered and deflated, and what share of their size samples then take."""

    filters: Filters
    deflate: Tuple[int, int]
    share: float


def compress(rows: Rows, decoded: Iterable[int]) -> List[bytes]:
    """Give the pieces of a stream of rows, each taken as soon as it is decoded."""
    height = rows.header.height
    strips = cut(height, max(1, _STRIP_BYTES // rows.header.stride))
    plans: List[Plan] = []

    def planned() -> Iterator[int]:
        early = len(strips) > 8
        for done in decoded:
            if early and done >= height // 4:
                early, plan = False, choose(rows, _EARLY)
                plans.extend([plan] if _is_photo(plan) else [])
            yield done if plans else 0
        plans.extend([] if plans else [choose(rows, _ALL)])
        yield height

    parts = share(strips, planned(), lambda strip: _encode(rows, strip, plans[0]))
    checksum = 1
    for _, part, length in parts:
        checksum = join_checksums(checksum, part, length)
    pieces = [piece for piece, _, _ in parts]
    pieces[0] = b"\x78\x01" + pieces[0]
    pieces[-1] += checksum.to_bytes(4, "big")
    return pieces


def choose(rows: Rows, places: Sequence[float]) -> Plan:
    """Choose what makes samples of the rows, taken at these parts of the height, smallest."""
    stride = rows.header.stride
    samples = cut(rows.header.height, max(1, _SAMPLE_BYTES // stride))
    if len(samples) > len(places):
        samples = [samples[int(len(samples) * place)] for place in places]
    filtered = {each: [_filter(rows, sample, each) for sample in samples] for each in _FILTERS}
    lowest, filters, deflate = min(
        (_cost(filtered[each], way), each, way) for each in _FILTERS for way in (_FAST, _RUNS)
    )
    slow = _SMALL if len(filters) == 1 else _SMALL_FILTERED
    small = _cost(filtered[filters], slow)
    size = sum(len(sample) for sample in samples) * stride
    is_slow = rows.header.height * stride > _LARGE and lowest > size * _RICH
    if small < lowest * (_WORTH if is_slow else 1):
        lowest, deflate = small, slow
    return Plan(filters, deflate, lowest / size)


def _is_photo(plan: Plan) -> bool:
    """Tell what is unlike drawings from the beginning, and so hardly changes its kind later."""
    return plan.share > _RICH and len(plan.filters) > 1 and plan.deflate == _FAST


def _cost(samples: Sequence[Tuple[Any, Any]], deflate: Tuple[int, int]) -> int:
    return sum(len(_deflate(*sample, deflate, zlib.Z_FINISH)) for sample in samples)


def join_checksums(first: int, second: int, length: int) -> int:
    """Give the Adler-32 of two texts, the second of so many bytes, from those of each."""
    low = (first & 0xFFFF) + (second & 0xFFFF) - 1
    high = (first >> 16) + (second >> 16) + length * ((first & 0xFFFF) - 1)
    return high % _ADLER << 16 | low % _ADLER


def _encode(rows: Rows, strip: range, plan: Plan) -> Tuple[bytes, int, int]:
    """Give a strip as a part of a stream, its checksum, and its length before."""
    window, content = _filter(rows, strip, plan.filters)
    end = zlib.Z_FINISH if strip.stop == rows.header.height else zlib.Z_SYNC_FLUSH
    stream = _deflate(window, content, plan.deflate, end)
    return stream, zlib.adler32(content), len(content)


def _filter(rows: Rows, strip: range, filters: Filters) -> Tuple[Any, Any]:
    """Give the filtered rows of a strip, and before it those that deflate may look back to."""
    before = min(strip.start, -(-_WINDOW // (1 + rows.header.stride)))
    filtered = filter_rows(rows, strip.start - before, strip.stop, filters)
    return filtered[:before].reshape(-1).data, filtered[before:].reshape(-1).data


def _deflate(window: Any, content: Any, deflate: Tuple[int, int], end: int) -> bytes:
    level, strategy = deflate
    options = (level, zlib.DEFLATED, -15, 9, strategy)
    stream = zlib.compressobj(*options, window) if len(window) else zlib.compressobj(*options)
    return stream.compress(content) + stream.flush(end)
