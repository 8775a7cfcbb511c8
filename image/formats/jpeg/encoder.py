"""Encoder of JPEG: strips are encoded on all processors, and joined by restart markers."""

import os
import tempfile
from collections import deque
from functools import partial
from io import BytesIO
from typing import Any, Dict, Iterable, Iterator, Tuple

from PIL import ImageFile
from PIL.Image import Image, new
from PIL.JpegImagePlugin import JpegImageFile

from image.formats.jpeg import segments
from image.formats.strips import cut, decode, in_pieces, share
from image.operations.levels import Curve
from image.operations.table import Effect

_STRIP_PIXELS = 1 << 19  # far below 65,535 coding units of 64 pixels or more, the longest interval
_UNIT = 16  # rows, the most that are coded together; strips have a multiple of these
_RESTART = 0xD0
_USUAL_BLOCK = ImageFile.MAXBLOCK
_MOST_BYTES = 8  # for a pixel, of noise in the highest quality


def decoding(image: JpegImageFile, source: Iterable[memoryview]) -> Tuple[Image, Iterator[int]]:
    """Return an image to be filled, and what fills it and yields how many of its rows are there.

    Pixels of colours have a fourth byte, which is zero until their row is decoded.
    """
    frame = new("RGBX" if image.mode == "RGB" else image.mode, image.size, 0)
    arguments: Any = image.tile[0][3]
    options = (*arguments, *image.decoderconfig)
    return frame, _rows(frame, decode(frame, "jpeg", options, in_pieces(source)))


def _rows(frame: Image, decoded: Iterator[None]) -> Iterator[int]:
    rows, pixel = 0, frame.getpixel  # type: int, Any
    for _ in decoded:
        while frame.mode == "RGBX" and rows + _UNIT < frame.height and pixel((0, rows + _UNIT))[3]:
            rows += _UNIT
        yield rows


def encode(
    image: Image, decoded: Iterable[int], effect: Effect, density: bytes, options: Dict[str, Any]
) -> bytes:
    """Apply an effect and encode as Pillow does with these options, but for restart markers.

    The coding starts anew at such a marker (ITU-T T.81, F.1.1.5), so the pixels are the same.
    """
    if not isinstance(effect, Curve):  # it may look beyond a strip
        deque(decoded, 0)
        image, effect = effect(image), partial(Image.convert, mode=image.mode)
    is_whole = options["progressive"] or options["optimize"]
    rows = max(1, _STRIP_PIXELS // image.width // _UNIT) * _UNIT
    strips = cut(range(image.height), image.height if is_whole else rows)
    if len(strips) > 1:
        is_high = options["subsampling"] == 2 and image.mode != "L"
        options["restart_marker_rows"] = rows // (_UNIT if is_high else 8)

    def work(strip: range) -> bytes:
        box = (0, strip.start, image.width, strip.stop)
        pixels = effect(image.crop(box) if len(strips) > 1 else image)
        most = _MOST_BYTES * image.width * image.height if is_whole else 0
        return _save(pixels, most, {**options, "extra": b""} if strip.start else options)

    return _join(share(strips, decoded, work), image.height, density)


def _save(image: Image, most: int, options: Dict[str, Any]) -> bytes:
    """Save in as much memory as that may take at once: Pillow's guess can be too low."""
    ImageFile.MAXBLOCK = max(ImageFile.MAXBLOCK, most)
    try:
        with tempfile.TemporaryFile() as file:  # Pillow holds the GIL while it encodes into memory
            image.save(file, "JPEG", **options)
            file.seek(0)
            return file.read()
    finally:
        if most:  # what another lane may need is left alone
            ImageFile.MAXBLOCK = _USUAL_BLOCK


def _join(files: Iterator[bytes], height: int, density: bytes) -> bytes:
    """Join the files of strips to one of the height given."""
    first = next(files)
    joined = BytesIO(first)
    with joined.getbuffer() as head:
        for part in segments.walk(first):
            if part.kind in segments.FRAME:
                head[part.start + 5 : part.start + 7] = height.to_bytes(2, "big")
            elif density and segments.is_named(part, *segments.JFIF):
                head[part.start + 11 : part.start + 16] = density
    for number, file in enumerate(files):
        scan = next(each for each in segments.walk(file) if each.kind == segments.START_OF_SCAN)
        joined.seek(-1, os.SEEK_END)  # the end mark becomes one of a restart
        joined.write(bytes((_RESTART + number % 8,)))
        joined.write(memoryview(file)[scan.end :])
    return joined.getvalue()
