"""Strips of a JPEG file: encoded on all processors at once, and joined by restart markers."""

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor
from typing import Any, List, Union

from PIL import Image

from image.formats.segments import END_OF_IMAGE, SEQUENTIAL, START_OF_IMAGE, split
from image.operations.levels import Curve
from image.operations.table import Effect

_STRIP_PIXELS = 1 << 20  # far below 65,535 coding units of 64 pixels or more, the longest interval
_STRIP_ROWS = 16  # strips are as high as a multiple of this, which is the highest unit
_RESTART_INTERVAL, _RESTART = b"\xff\xdd\0\4", 0xD0

Buffer = Union[bytes, memoryview]


def encode(image: Image.Image, effect: Effect, extra: bytes, **options: Any) -> bytes:
    """Apply an effect and encode as Pillow does with these options, but for restart markers.

    The coding starts anew at such a marker (ITU-T T.81, F.1.1.5), so the pixels are the same.
    """
    if options["progressive"]:
        return _save(effect(image), extra=extra, **options)
    if not isinstance(effect, Curve):  # it may look beyond a strip
        image, effect = effect(image), lambda strip: strip
    rows = max(1, _STRIP_PIXELS // image.width // _STRIP_ROWS) * _STRIP_ROWS
    tops = range(0, image.height, rows)
    left, files = iter(tops), dict.fromkeys(tops, b"")

    def work() -> None:
        for top in left:
            strip = image.crop((0, top, image.width, min(top + rows, image.height)))
            files[top] = _save(effect(strip), extra=b"" if top else extra, **options)

    processors = min(os.cpu_count() or 1, len(tops))
    with ThreadPoolExecutor(processors) as threads:
        helpers = [threads.submit(work) for _ in range(1, processors)]
        work()  # rather than wait: a thread more than there are processors costs milliseconds
    for helper in helpers:
        helper.result()
    return _join(list(files.values()), image.height, rows) if len(files) > 1 else files[0]


def _save(image: Image.Image, **options: Any) -> bytes:
    with tempfile.TemporaryFile() as file:  # Pillow holds the GIL while it encodes into memory
        image.save(file, "JPEG", **options)
        file.seek(0)
        return file.read()


def _join(files: List[bytes], height: int, rows: int) -> bytes:
    """Join the files of strips, all but the last of so many rows, to one of the height given."""
    *header, first = split(files[0])
    parts: List[Buffer] = [START_OF_IMAGE]
    for segment in header:
        if segment.marker in SEQUENTIAL:
            units = _count_units(segment.raw, rows)
            parts += [segment.raw[:5], height.to_bytes(2, "big"), segment.raw[7:]]
        else:
            parts.append(segment.raw)
    parts += [_RESTART_INTERVAL, units.to_bytes(2, "big"), first.raw[: -len(END_OF_IMAGE)]]
    for number, file in enumerate(files[1:]):
        scan = list(split(file))[-1].raw
        start = len(b"\xff\xda") + int.from_bytes(scan[2:4], "big")
        parts += [bytes((0xFF, _RESTART + number % 8)), scan[start : -len(END_OF_IMAGE)]]
    return b"".join([*parts, END_OF_IMAGE])


def _count_units(frame: memoryview, rows: int) -> int:
    """Count the coding units in so many rows by the frame header (ITU-T T.81, B.2.2, A.2)."""
    width, components = int.from_bytes(frame[7:9], "big"), frame[9]
    factors = list(frame[11 : 11 + 3 * components : 3]) if components > 1 else [0x11]
    across = 8 * max(factor >> 4 for factor in factors)
    down = 8 * max(factor & 15 for factor in factors)
    return -(-width // across) * (rows // down)
