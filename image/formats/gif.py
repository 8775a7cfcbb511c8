"""GIF: where an edit maps levels, colour tables are mapped in the bytes and all else stays."""

from struct import unpack_from
from typing import Any, Dict, Iterator, List

from PIL import Image, ImageSequence

from image.formats.limits import Limits
from image.formats.parts import Part, Remark, listed
from image.formats.pillow import decode, encode
from image.operations.levels import Curve
from image.operations.table import Edit

_HEADER, _FRAME, _PIXELS, _END = b"header", b",", b"pixels", b";"
_EXTENSION, _CONTROL = b"!", b"!\xf9"
_BLACK_WHITE_CLEAR = [0, 0, 0, 255, 255, 255, 0, 0, 0]


def process(data: bytes, edit: Edit, limits: Limits, remark: Remark) -> bytes:
    """Apply an edit to a GIF file; keep its frames, timing, disposal and comments."""
    parts = listed(_walk(data))
    count = _check(parts, limits)
    if parts[-1].kind != _END:
        parts = _ended(parts)
        remark("The end mark, which was missing after the last frame, was added.")
    image = _open(parts)
    effect = edit.effect(ImageSequence.Iterator(image))
    if isinstance(effect, Curve):
        return _map_tables(parts, effect)
    if count > 1:
        raise ValueError(f"{edit.operation.name} cannot keep the colour tables of an animation")
    kept = [each for each in parts if each.kind[:1] == _EXTENSION and each.kind != _CONTROL]
    return _encode_shades(effect(image), b"".join(each.raw for each in kept))


def _walk(data: bytes) -> Iterator[Part]:
    """Yield all parts up to the end mark, or up to where there is none of any kind known."""
    header = _with_table(data, _HEADER, 0, 13, data[10])
    yield header
    position = header.end
    while data[position : position + 1] in (_EXTENSION, _FRAME):
        kind, start, blocks = data[position : position + 2], position, position + 2
        if kind[:1] == _FRAME:
            frame = _with_table(data, _FRAME, start, 10, data[start + 9])
            yield frame
            kind, start, blocks = _PIXELS, frame.end, frame.end + 1
        position = blocks
        while data[position : position + 1] > b"\0":
            position += 1 + data[position]
        position += 1
        yield Part(data, kind, start, position)
    if data[position : position + 1] == _END:
        yield Part(data, _END, position, position + 1)


def _with_table(data: bytes, kind: bytes, start: int, head: int, flags: int) -> Part:
    """Return a header whose content is the colour table that its flags announce."""
    table = 6 << (flags & 7) if flags & 0x80 else 0
    return Part(data, kind, start, start + head + table, head)


def _ended(parts: List[Part]) -> List[Part]:
    """Put the end mark behind the last frame, of which all pixels must be there."""
    while parts[-1].kind not in (_PIXELS, _FRAME):
        parts.pop()
    data, end = parts[-1].file, parts[-1].end
    if parts[-1].kind == _FRAME or end > len(data) + 1:
        raise ValueError("it ends too early")
    parts = listed(_walk(data[:end].ljust(end, b"\0") + _END))
    _open([parts[0], *parts[-3:]])
    return parts


def _check(parts: List[Part], limits: Limits) -> int:
    """Return the number of frames; refuse too many, or too many pixels in all of them."""
    boxes = [unpack_from("<4H", part.raw, 1) for part in parts if part.kind == _FRAME]
    limits.check_frames(len(boxes))
    width, height = unpack_from("<HH", parts[0].raw, 6)
    width = max([width, *(left + across for left, _, across, _ in boxes)])
    height = max([height, *(top + down for _, top, _, down in boxes)])
    limits.check_pixels(width * height * len(boxes))
    if not boxes or not any(part.content for part in parts if part.kind in (_HEADER, _FRAME)):
        raise ValueError(f"it has no {'colour table' if boxes else 'frame'}")
    return len(boxes)


def _open(parts: List[Part]) -> Image.Image:
    """Let Pillow decode the first frame; comments and the like it does not get to see."""
    needed = (part for part in parts if part.kind == _CONTROL or part.kind[:1] != _EXTENSION)
    return decode(b"".join(part.raw for part in needed), "GIF")


def _map_tables(parts: List[Part], curve: Curve) -> bytes:
    result, table = bytearray(parts[0].file), bytes(curve.table(255))
    for part in parts:
        if part.kind in (_HEADER, _FRAME):
            result[part.start + part.head : part.end] = part.content.translate(table)
    return bytes(result)


def _encode_shades(image: Image.Image, extensions: bytes) -> bytes:
    """Encode black, white and transparent pixels as a still."""
    options: Dict[str, Any] = {}
    indexes = image.convert("LA").getchannel(0).point([0] * 128 + [1] * 128)
    if image.mode == "LA":
        indexes.paste(2, mask=image.getchannel("A").point([255] + [0] * 255))
        options["transparency"] = 2
    indexes.putpalette(_BLACK_WHITE_CLEAR)
    result = encode(indexes, "GIF", optimize=False, **options)
    start = _with_table(result, _HEADER, 0, 13, result[10]).end
    return b"GIF89a" + result[6:start] + extensions + result[start:]
