"""VP8: the quality that libwebp was told when it coded lossy pixels, from the quantisers used."""

from typing import Iterator

_LONGEST = 64  # bytes of a header up to what is read of it
_SEGMENTS, _MOST = 4, 127


def quality(frame: bytes) -> int:
    """Return the quality, from 0 to 100, that the frame header suggests (RFC 6386, 9.2 to 9.6)."""
    bits = _bits(frame[10 : 10 + _LONGEST])

    def number(size: int) -> int:
        return int("".join(str(next(bits)) for _ in range(size)), 2)

    def deltas(count: int, size: int) -> Iterator[int]:
        for _ in range(count):
            yield number(size) * (1 - 2 * number(1)) if number(1) else 0

    number(2)  # the kind of colours, and how they are clamped
    segments, absolute = [0] * _SEGMENTS, 0
    if number(1):
        mapped = number(1)
        if number(1):
            absolute = number(1)
            segments = list(deltas(_SEGMENTS, 7))
            list(deltas(_SEGMENTS, 6))
        list(deltas(3 * mapped, 7))  # probabilities, of as many bits
    number(10)  # the loop filter
    if number(1) and number(1):
        list(deltas(8, 6))
    number(2)  # the partitions
    base = 0 if absolute else number(7)
    index = sum(min(max(base + each, 0), _MOST) for each in segments) / _SEGMENTS
    share = (1 - index / _MOST) ** 3  # the inverse of QualityToCompression in libwebp
    return round(100 * (share * 1.5 if share < 0.5 else (share + 1) / 2))


def _bits(data: bytes) -> Iterator[int]:
    """Yield bits that are as often 0 as 1 (RFC 6386, 7.3)."""
    value, span, place = int.from_bytes(data, "big"), 255, 8 * len(data) - 8
    while True:
        split = (span + 1) // 2
        bit = int(value >= split << place)
        value, span = (value - (split << place), span - split) if bit else (value, split)
        yield bit
        while span < 128:
            span, place = span * 2, place - 1
