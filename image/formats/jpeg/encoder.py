"""Encoder of JPEG: strips are encoded on all processors, and joined by restart markers."""

import tempfile
from collections import deque
from functools import partial
from io import BytesIO
from typing import Any, Iterable, Iterator, List, Tuple

from PIL import ImageFile
from PIL.Image import Image, new
from PIL.JpegImagePlugin import JpegImageFile

from image.formats.jpeg import segments
from image.formats.jpeg.segments import END_OF_IMAGE, JFIF, SEQUENTIAL, START_OF_SCAN
from image.formats.parts import Part
from image.formats.strips import cut, decode, in_pieces, share
from image.operations.levels import Curve
from image.operations.table import Effect

_STRIP_PIXELS = 1 << 19  # far below 65,535 coding units of 64 pixels or more, the longest interval
_STRIP_ROWS = 16  # strips are as high as a multiple of this, which is the highest unit
_MOST_BYTES = 8  # for a pixel, of noise in the highest quality
_RESTART_INTERVAL, _RESTART = b"\xff\xdd\0\4", 0xD0


def decoding(image: JpegImageFile, source: Iterable[memoryview]) -> Tuple[Image, Iterator[int]]:
    """Return an image to be filled, and what fills it and yields how many of its rows are there.

    Of colours the pixels have a fourth byte, which is zero until their row is decoded.
    """
    frame = new("RGBX" if image.mode == "RGB" else image.mode, image.size, 0)
    arguments: Any = image.tile[0][3]
    options = (*arguments, *image.decoderconfig)
    return frame, _rows(frame, decode(frame, "jpeg", options, in_pieces(source)))


def _rows(frame: Image, decoded: Iterator[None]) -> Iterator[int]:
    rows, is_done = 0, frame.getpixel  # type: int, Any
    for _ in decoded:
        while frame.mode == "RGBX" and rows < frame.height and is_done((0, rows))[3]:
            rows += 1
        yield max(0, rows - 1)  # the last may be incomplete


def encode(
    image: Image, decoded: Iterable[int], effect: Effect, extra: bytes, density: bytes, options: Any
) -> bytes:
    """Apply an effect and encode as Pillow does with these options, but for restart markers.

    The coding starts anew at such a marker (ITU-T T.81, F.1.1.5), so the pixels are the same.
    """
    if not isinstance(effect, Curve):  # it may look beyond a strip
        deque(decoded, 0)
        image, effect = effect(image), partial(_colours, mode=image.mode)
    is_whole = options["progressive"] or options["optimize"]
    rows = max(1, _STRIP_PIXELS // image.width // _STRIP_ROWS) * _STRIP_ROWS
    rows = image.height if is_whole else rows

    def work(strip: range) -> bytes:
        box = (0, strip.start, image.width, strip.stop)
        pixels = image if len(strip) == image.height else image.crop(box)
        most = _MOST_BYTES * image.width * image.height if is_whole else 0
        return _save(effect(pixels), most, extra=b"" if strip.start else extra, **options)

    files = share(cut(range(image.height), rows), decoded, work)
    return _join(files, image.height, rows, density)


def _colours(strip: Image, mode: str) -> Image:
    return strip.convert("L").convert(mode) if strip.mode == "1" else strip


def _save(image: Image, most: int, **options: Any) -> bytes:
    """Save in as much memory as that may take at once: Pillow's guess can be too low."""
    usual = ImageFile.MAXBLOCK
    ImageFile.MAXBLOCK = max(usual, most)
    try:
        with tempfile.TemporaryFile() as file:  # Pillow holds the GIL while it encodes into memory
            image.save(file, "JPEG", **options)
            file.seek(0)
            return file.read()
    finally:
        ImageFile.MAXBLOCK = usual


def _join(files: Iterator[bytes], height: int, rows: int, density: bytes) -> bytes:
    """Join the files of strips, all but the last of so many rows, to one of the height given."""
    first = next(files)
    head = list(_head(first))
    joined = BytesIO()
    joined.write(segments.START_OF_IMAGE)
    for part in head:
        raw = part.raw
        if segments.is_named(part, *JFIF):
            raw = raw[:11] + (density or raw[11:16]) + raw[16:]
        elif part.kind in SEQUENTIAL:
            raw = raw[:5] + height.to_bytes(2, "big") + raw[7:]
        elif part.kind == START_OF_SCAN and rows < height:
            joined.write(_RESTART_INTERVAL + _count_units(head, rows).to_bytes(2, "big"))
        joined.write(raw)
    joined.write(memoryview(first)[head[-1].end : -2])
    for number, file in enumerate(files):
        *_, last = _head(file)
        joined.write(bytes((0xFF, _RESTART + number % 8)))
        joined.write(memoryview(file)[last.end : -2])
    joined.write(END_OF_IMAGE)
    return joined.getvalue()


def _head(file: bytes) -> Iterator[Part]:
    """Yield the segments up to the header of the first scan."""
    for part in segments.walk(file):
        yield part
        if part.kind == START_OF_SCAN:
            return


def _count_units(parts: List[Part], rows: int) -> int:
    """Count the coding units in so many rows (ITU-T T.81, A.2)."""
    header = next(part.content for part in parts if part.kind in SEQUENTIAL)
    factors = [each.sampling for each in segments.components(parts)]
    factors = factors if len(factors) > 1 else [0x11]
    across = 8 * max(factor >> 4 for factor in factors)
    down = 8 * max(factor & 15 for factor in factors)
    return -(-int.from_bytes(header[3:5], "big") // across) * (rows // down)
