"""Encoder of JPEG: strips are encoded on all processors, and joined by restart markers."""

import tempfile
from typing import Any, Dict, Iterable, Iterator, List, Tuple, Union

from PIL import ImageFile
from PIL.Image import Image, new

from image.formats.jpeg import segments
from image.formats.jpeg.segments import END_OF_IMAGE, SEQUENTIAL, START_OF_IMAGE, START_OF_SCAN
from image.formats.parts import Part, listed
from image.formats.strips import PIECE, cut, open_decoder, share
from image.operations.levels import Curve
from image.operations.table import Effect

_STRIP_PIXELS = 1 << 20  # far below 65,535 coding units of 64 pixels or more, the longest interval
_STRIP_ROWS = 16  # strips are as high as a multiple of this, which is the highest unit
_MOST_BYTES = 8  # for a pixel, of noise in the highest quality
_RESTART_INTERVAL, _RESTART = b"\xff\xdd\0\4", 0xD0

Buffer = Union[bytes, memoryview]


def encode(
    image: ImageFile.ImageFile, source: memoryview, effect: Effect, extra: bytes, **options: Any
) -> bytes:
    """Apply an effect and encode as Pillow does with these options, but for restart markers.

    The coding starts anew at such a marker (ITU-T T.81, F.1.1.5), so the pixels are the same.

    Args:
        image: opened, and decoded if the effect had to look at it
        source: the bytes that it is decoded from
    """
    is_whole = options["progressive"] or options["optimize"]
    if isinstance(effect, Curve) and not is_whole:
        frame, decoded = _decode(image, source)
        return _encode_strips(frame, decoded, effect, extra, options)
    image.load()

    def colours(strip: Image) -> Image:
        return strip.convert("L").convert(image.mode) if strip.mode == "1" else strip

    result = effect(image)  # which may look beyond a strip
    if is_whole:
        return _save_whole(colours(result), extra=extra, **options)
    return _encode_strips(result, [image.height], colours, extra, options)


def _encode_strips(
    image: Image, decoded: Iterable[int], effect: Effect, extra: bytes, options: Dict[str, Any]
) -> bytes:
    rows = max(1, _STRIP_PIXELS // image.width // _STRIP_ROWS) * _STRIP_ROWS

    def work(strip: range) -> bytes:
        pixels = image.crop((0, strip.start, image.width, strip.stop))
        return _save(effect(pixels), extra=b"" if strip.start else extra, **options)

    files = share(cut(image.height, rows), decoded, work)
    return _join(files, image.height, rows) if len(files) > 1 else files[0]


def _decode(image: ImageFile.ImageFile, source: memoryview) -> Tuple[Image, Iterable[int]]:
    """Give an image to be filled, and how many of its rows are, again and again.

    Its pixels have a fourth byte, which is zero until their row is decoded.
    """
    decoder = None
    if image.tile and image.mode == "RGB":
        frame, arguments = new("RGBX", image.size, 0), image.tile[0][3]  # type: Image, Any
        decoder = open_decoder(frame, "jpeg", *arguments, *image.decoderconfig)
    if decoder is None:
        image.load()
        return image, [image.height]
    return frame, _feed(frame, decoder, source)


def _feed(frame: Image, decoder: Any, source: memoryview) -> Iterator[int]:
    rest, rows = b"", 0
    is_done: Any = frame.getpixel
    for start in range(0, len(source), PIECE):
        rest += source[start : start + PIECE]
        used, error = decoder.decode(rest)
        if error:
            raise ValueError("its pixels are damaged")
        if used < 0:
            yield frame.height
            return
        rest = rest[used:]
        while rows < frame.height and is_done((0, rows))[3]:
            rows += 1
        yield max(0, rows - 1)  # the last may be incomplete
    raise ValueError("it ends too early")


def _save_whole(image: Image, **options: Any) -> bytes:
    """Save at once, in as much memory as that may take: Pillow's guess can be too low."""
    usual = ImageFile.MAXBLOCK
    ImageFile.MAXBLOCK = max(usual, _MOST_BYTES * image.width * image.height)
    try:
        return _save(image, **options)
    finally:
        ImageFile.MAXBLOCK = usual


def _save(image: Image, **options: Any) -> bytes:
    with tempfile.TemporaryFile() as file:  # Pillow holds the GIL while it encodes into memory
        image.save(file, "JPEG", **options)
        file.seek(0)
        return file.read()


def _join(files: List[bytes], height: int, rows: int) -> bytes:
    """Join the files of strips, all but the last of so many rows, to one of the height given."""
    *first, _ = listed(segments.walk(files[0]))  # all but the end mark
    parts: List[Buffer] = [START_OF_IMAGE]
    for part in first:
        raw = part.raw
        if part.kind in SEQUENTIAL:
            raw = raw[:5] + height.to_bytes(2, "big") + raw[7:]
        if part.kind == START_OF_SCAN:
            parts += [_RESTART_INTERVAL, _count_units(first, rows).to_bytes(2, "big")]
        parts.append(raw)
    for number, file in enumerate(files[1:]):
        *_, scan, _ = segments.walk(file)
        start = scan.start + 2 + int.from_bytes(file[scan.start + 2 : scan.start + 4], "big")
        parts += [bytes((0xFF, _RESTART + number % 8)), memoryview(file)[start : scan.end]]
    return b"".join([*parts, b"\xff" + END_OF_IMAGE])


def _count_units(parts: List[Part], rows: int) -> int:
    """Count the coding units in so many rows (ITU-T T.81, A.2)."""
    header = next(part.content for part in parts if part.kind in SEQUENTIAL)
    factors = [each.sampling for each in segments.components(parts)]
    factors = factors if len(factors) > 1 else [0x11]
    across = 8 * max(factor >> 4 for factor in factors)
    down = 8 * max(factor & 15 for factor in factors)
    return -(-int.from_bytes(header[3:5], "big") // across) * (rows // down)
