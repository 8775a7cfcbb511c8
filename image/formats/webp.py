"""WebP: each frame coded anew in its place; times, disposal, blending and metadata stay."""

from itertools import islice
from typing import Iterable, Iterator, List, Tuple

from PIL import Image

from image.formats import vp8
from image.formats.limits import Limits
from image.formats.parts import Part, Remark, listed, remark_thumbnail
from image.formats.pillow import encode, open_image
from image.operations.table import Edit

_PIXELS = (b"ALPH", b"VP8 ", b"VP8L")
_WHOLE = ([b"VP8L"], [b"VP8 "], [b"ALPH", b"VP8 "])
_FRAME, _EXTENDED = b"ANMF", b"VP8X"
_ALPHA = b"\x10\0\0\0"
_HEAD, _FRAME_HEADER = 8, 16  # bytes before the content of a chunk, and in that of a frame


def process(data: bytes, edit: Edit, limits: Limits, remark: Remark) -> bytes:
    """Apply an edit to a WebP file; keep its frames and all its other chunks."""
    chunks = listed(_walk(data, 12, 8 + _number(data, 4, 4)))
    frames = _frames(chunks, limits)
    counts = [width * height for width, height in (_dimensions(each[-1]) for each in frames)]
    limits.check_pixels(sum(counts))
    limits.check_whole(max(counts))
    effect = edit.effect(map(_open, frames))
    pixels = (_encode(effect(_open(each)), each[-1], remark) for each in frames)
    result = []
    for chunk in chunks:
        if chunk.kind == _FRAME:
            result.append(_chunk(_FRAME, chunk.content[:_FRAME_HEADER] + next(pixels)))
        elif chunk.kind not in _PIXELS:
            remark_thumbnail(chunk.raw if chunk.kind == b"EXIF" else b"", remark)
            result.append(_chunk(chunk.kind, chunk.content))
        elif chunk == frames[0][-1]:
            result.append(next(pixels))
    return _chunk(b"RIFF", b"WEBP" + b"".join(result))


def _number(data: bytes, start: int, size: int) -> int:
    return int.from_bytes(data[start : start + size], "little")


def _chunk(kind: bytes, body: bytes) -> bytes:
    return kind + len(body).to_bytes(4, "little") + body + bytes(len(body) % 2)


def _walk(data: bytes, position: int, end: int) -> Iterator[Part]:
    """Yield the chunks from a place to another, without the byte that fills them up."""
    while position + _HEAD <= end:
        size = _number(data, position + 4, 4)
        part = Part(data, data[position : position + 4], position, position + _HEAD + size, _HEAD)
        if part.end > end:
            raise ValueError("it ends too early")
        yield part
        position = part.end + size % 2


def _frames(chunks: List[Part], limits: Limits) -> List[List[Part]]:
    """Return the chunks of pixels of each frame, or of the still."""
    start, animated = _HEAD + _FRAME_HEADER, [chunk for chunk in chunks if chunk.kind == _FRAME]
    limits.check_frames(len(animated))
    inner = (_walk(each.file, each.start + start, each.end) for each in animated)
    return list(map(_pixels, inner if animated else [chunks]))


def _pixels(chunks: Iterable[Part]) -> List[Part]:
    found = list(islice((part for part in chunks if part.kind in _PIXELS), 3))
    if [part.kind for part in found] not in _WHOLE:
        raise ValueError("it is damaged or incomplete")
    return found


def _dimensions(pixels: Part) -> Tuple[int, int]:
    """Return the width and the height that coded pixels have (RFC 9649, 2.5 and 3.4)."""
    if pixels.kind == b"VP8L":
        bits = _number(pixels.content, 1, 4)
        return (bits & 0x3FFF) + 1, (bits >> 14 & 0x3FFF) + 1
    return _number(pixels.content, 6, 2) & 0x3FFF, _number(pixels.content, 8, 2) & 0x3FFF


def _open(frame: List[Part]) -> Image.Image:
    """Let Pillow decode a frame as a still."""
    body = b"".join(_chunk(part.kind, part.content) for part in frame)
    if len(frame) > 1:
        size = b"".join((side - 1).to_bytes(3, "little") for side in _dimensions(frame[-1]))
        body = _chunk(_EXTENDED, _ALPHA + size) + body
    still = _chunk(b"RIFF", b"WEBP" + body)
    return open_image(still, "WEBP").copy()  # without the two canvases of its decoder


def _encode(image: Image.Image, pixels: Part, remark: Remark) -> bytes:
    """Return the chunks of an edited frame, coded as lossily as these pixels were."""
    lossless, quality = pixels.kind == b"VP8L", 80
    if not lossless:
        quality = vp8.quality(pixels.content)
        remark(f"The pixels were compressed again, at quality {quality} as they seem to have been.")
    result = encode(image, "WEBP", lossless=lossless, exact=True, quality=quality, method=4)
    parts = (part for part in _walk(result, 12, len(result)) if part.kind in _PIXELS)
    return b"".join(_chunk(part.kind, part.content) for part in parts)
