"""Directories of a TIFF file, looked through for traps before Pillow reads them."""

from struct import unpack_from
from typing import Dict, Tuple

from image.formats.limits import Limits

_WIDTH, _HEIGHT = 256, 257
_SUBDIRECTORIES = (34665, 34853, 40965)  # those that Pillow follows
_SHORT, _TEXTS_AND_BYTES = 3, (1, 2, 6, 7)
_SIZES = {3: 2, 5: 8, 8: 2, 10: 8, 12: 8, 16: 8, 17: 8, 18: 8}
_MOST_NUMBERS = 200_000  # Pillow makes objects of them; the longest are one for each strip


def check(data: bytes, limits: Limits) -> None:
    """Refuse a file of too many pages or pixels, or of fields that fill the memory."""
    order = "<" if data[:1] == b"I" else ">"
    (offset,) = unpack_from(order + "I", data, 4)
    pages = pixels = 0
    while offset:
        pages += 1
        limits.check_frames(pages)
        values, offset = _read(data, offset, order)
        pixels += values.get(_WIDTH, 0) * values.get(_HEIGHT, 0)
        limits.check_pixels(pixels)
        for tag in _SUBDIRECTORIES:
            if tag in values:
                _read(data, values[tag], order)


def _read(data: bytes, start: int, order: str) -> Tuple[Dict[int, int], int]:
    """Give what each field of a directory holds or points to, and where the next directory is."""
    values, total = {}, 0
    (fields,) = unpack_from(order + "H", data, start)
    for position in range(start + 2, start + 2 + 12 * fields, 12):
        tag, kind, count = unpack_from(order + "HHI", data, position)
        (values[tag],) = unpack_from(order + ("H" if kind == _SHORT else "I"), data, position + 8)
        total += count * _SIZES.get(kind, 1 if kind in _TEXTS_AND_BYTES else 4)
        if total > len(data) or (count > _MOST_NUMBERS and kind not in _TEXTS_AND_BYTES):
            raise ValueError("a field of it is longer than it can be")
    (following,) = unpack_from(order + "I", data, start + 2 + 12 * fields)
    return values, following
