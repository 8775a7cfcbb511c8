"""GIF: where an edit maps levels, colour tables are mapped in the bytes and all else stays."""

from dataclasses import dataclass
from io import BytesIO
from struct import unpack_from
from typing import Any, Callable, Dict, List, Tuple

from PIL import Image, ImageSequence

from image.formats.limits import Limits, open_image
from image.operations.levels import Curve
from image.operations.table import Edit

_EXTENSION, _FRAME, _END = 0x21, 0x2C, 0x3B
_APPLICATION = b"\x21\xff\x0b"
_BLACK_WHITE_CLEAR = [0, 0, 0, 255, 255, 255, 0, 0, 0]


@dataclass(frozen=True)
class Layout:
    """How many frames a file has, and where its colour tables begin and end."""

    frames: int
    tables: Tuple[Tuple[int, int], ...]


def process(data: bytes, edit: Edit, limits: Limits, remark: Callable[[str], None]) -> bytes:
    """Apply an edit to a GIF file; keep its frames, timing, disposal and comments."""
    layout = _layout(data, limits)
    image = open_image(data, "GIF", limits)
    image.load()
    effect = edit.effect(ImageSequence.Iterator(image))
    if isinstance(effect, Curve):
        return _map_tables(data, layout, effect)
    if layout.frames > 1:
        raise ValueError(f"{edit.operation.name} cannot keep the colour tables of an animation")
    if _APPLICATION in data:
        remark("The blocks of other applications were left out.")
    return _encode_shades(effect(image), image.info.get("comment", b""))


def _layout(data: bytes, limits: Limits) -> Layout:
    """Walk through the blocks of a file, which must be whole up to the end mark."""
    width, height, flags = unpack_from("<HHB", data, 6)
    tables, frames, position = _table(13, flags), 0, 13
    position += sum(end - start for start, end in tables)
    while data[position] != _END:
        if data[position] == _EXTENSION:
            position = _skip_blocks(data, position + 2)
            continue
        if data[position] != _FRAME:
            raise ValueError("it is damaged between its frames")
        left, top, across, down, flags = unpack_from("<4HB", data, position + 1)
        width, height, frames = max(width, left + across), max(height, top + down), frames + 1
        limits.check_frames(frames)
        local = _table(position + 10, flags)
        tables += local
        position = _skip_blocks(data, position + 11 + sum(end - start for start, end in local))
    limits.check_pixels(width * height * frames)
    if not tables:
        raise ValueError("it has no colour table")
    return Layout(frames, tuple(tables))


def _table(start: int, flags: int) -> List[Tuple[int, int]]:
    """Give the place of the colour table announced by the flags, if there is one."""
    return [(start, start + (6 << (flags & 7)))] if flags & 0x80 else []


def _skip_blocks(data: bytes, position: int) -> int:
    while data[position]:
        position += 1 + data[position]
    return position + 1


def _map_tables(data: bytes, layout: Layout, curve: Curve) -> bytes:
    result, table = bytearray(data), bytes(curve.table(255))
    for start, end in layout.tables:
        result[start:end] = data[start:end].translate(table)
    return bytes(result)


def _encode_shades(image: Image.Image, comment: bytes) -> bytes:
    """Encode black, white and transparent pixels as a still."""
    buffer = BytesIO()
    options: Dict[str, Any] = {"comment": comment}
    indexes = image.getchannel(0).point([0] * 128 + [1] * 128)
    if image.mode == "LA":
        indexes.paste(2, mask=image.getchannel("A").point([255] + [0] * 255))
        options["transparency"] = 2
    indexes.putpalette(_BLACK_WHITE_CLEAR)
    indexes.save(buffer, "GIF", optimize=False, **options)
    return buffer.getvalue()
