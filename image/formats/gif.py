"""GIF: where an edit maps levels, colour tables are mapped in the bytes and all else stays."""

from itertools import takewhile
from struct import unpack_from
from typing import Any, Dict, Iterable, Iterator, List, Tuple

from PIL import Image, ImageSequence

from image.formats.limits import Limits
from image.formats.metadata import Remark
from image.formats.parts import Part, listed
from image.formats.pillow import decode, encode
from image.operations.levels import Curve
from image.operations.table import Edit

_HEADER, _TABLE, _FRAME, _PIXELS, _END = b"header", b"table", b",", b"pixels", b";"
_EXTENSION, _CONTROL = b"!", b"!\xf9"
_BLACK_WHITE_CLEAR = [0, 0, 0, 255, 255, 255, 0, 0, 0]


def process(data: bytes, edit: Edit, limits: Limits, remark: Remark) -> bytes:
    """Apply an edit to a GIF file; keep its frames, timing, disposal and comments."""
    parts = listed(_within(_walk(data), limits))
    count = _check(parts, limits)
    if parts[-1].kind != _END:
        data, parts = _ended(parts, limits)
        remark("The end mark, which was missing after the last frame, was added.")
    image = _open(parts, limits)
    effect = edit.effect(ImageSequence.Iterator(image))
    if isinstance(effect, Curve):
        return _map_tables(data, parts, effect)
    if count > 1:
        raise ValueError(f"{edit.operation.name} cannot keep the colour tables of an animation")
    kept = [each for each in parts if each.kind[:1] == _EXTENSION and each.kind != _CONTROL]
    return _encode_shades(effect(image), b"".join(each.raw for each in kept))


def _walk(data: bytes) -> Iterator[Part]:
    """Give all parts up to the end mark, or up to where there is none of any kind known."""
    yield Part(data, _HEADER, 0, 13)
    position = 13
    for table in _table(data, 10, position):
        yield table
        position = table.end
    while data[position : position + 1] in (_EXTENSION, _FRAME):
        kind, start, position = data[position : position + 2], position, position + 2
        if kind[:1] == _FRAME:
            yield Part(data, _FRAME, start, start + 10)
            kind, start = _PIXELS, start + 10
            for table in _table(data, start - 1, start):
                yield table
                start = table.end
            position = start + 1
        position = _skip_blocks(data, position)
        yield Part(data, kind, start, position)
    if data[position : position + 1] == _END:
        yield Part(data, _END, position, position + 1)


def _table(data: bytes, flags: int, start: int) -> Iterator[Part]:
    """Give the colour table that flags at a place announce, if they do."""
    if data[flags : flags + 1] > b"\x7f":
        yield Part(data, _TABLE, start, start + (6 << (data[flags] & 7)))


def _skip_blocks(data: bytes, position: int) -> int:
    while data[position : position + 1] > b"\0":
        position += 1 + data[position]
    return position + 1


def _within(walk: Iterable[Part], limits: Limits) -> Iterator[Part]:
    frames = 0
    for part in walk:
        frames += part.kind == _FRAME
        limits.check_frames(frames)
        yield part


def _check(parts: List[Part], limits: Limits) -> int:
    """Count the frames; refuse too many pixels in all of them."""
    boxes = [unpack_from("<4H", part.raw, 1) for part in parts if part.kind == _FRAME]
    width, height = unpack_from("<HH", parts[0].raw, 6)
    width = max([width, *(left + across for left, _, across, _ in boxes)])
    height = max([height, *(top + down for _, top, _, down in boxes)])
    limits.check_pixels(width * height * len(boxes))
    if not boxes or not any(part.kind == _TABLE for part in parts):
        raise ValueError(f"it has no {'colour table' if boxes else 'frame'}")
    return len(boxes)


def _ended(parts: List[Part], limits: Limits) -> Tuple[bytes, List[Part]]:
    """Put the end mark behind the last frame, of which all pixels must be there."""
    while parts[-1].kind not in (_PIXELS, _FRAME):
        parts.pop()
    data, end = parts[-1].file, parts[-1].end
    if parts[-1].kind == _FRAME or end > len(data) + 1:
        raise ValueError("it ends too early")
    data = data[:end].ljust(end, b"\0") + _END
    parts = listed(_walk(data))
    head = takewhile(lambda part: part.kind != _FRAME, parts)
    frame = max(number for number, part in enumerate(parts) if part.kind == _FRAME)
    _open([*head, *parts[frame:]], limits)
    return data, parts


def _open(parts: List[Part], limits: Limits) -> Image.Image:
    """Let Pillow decode the first frame; comments and the like it does not get to see."""
    needed = (part for part in parts if part.kind == _CONTROL or part.kind[:1] != _EXTENSION)
    return decode(b"".join(part.raw for part in needed), "GIF", limits)


def _map_tables(data: bytes, parts: List[Part], curve: Curve) -> bytes:
    result, table = bytearray(data), bytes(curve.table(255))
    for part in parts:
        if part.kind == _TABLE:
            result[part.start : part.end] = part.raw.translate(table)
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
    start = listed(_walk(result))[1].end
    return b"GIF89a" + result[6:start] + extensions + result[start:]
