"""VP8: the quality that libwebp was told when it coded lossy pixels, from the quantisers used."""

from typing import Iterator

_HALF = 128  # the probability of each bit of a header, in 256
_SEGMENTS, _MOST = 4, 127


def quality(frame: bytes) -> int:
    """Return the quality, from 0 to 100, that the frame header suggests (RFC 6386, 9.2 to 9.6)."""
    bits = _bits(frame[10:])

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
        for _ in range(3 * mapped):
            if number(1):
                number(8)
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
    value, span, position, left = int.from_bytes(data[:2], "big"), 255, 2, 8
    while True:
        split = 1 + ((span - 1) * _HALF >> 8)
        bit = int(value >= split << 8)
        span, value = (span - split, value - (split << 8)) if bit else (split, value)
        yield bit
        while span < 128:
            span, value, left = span << 1, value << 1, left - 1
            if not left:
                value, position, left = value | data[position], position + 1, 8
