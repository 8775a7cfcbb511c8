"""BMP: levels are mapped where they stand in the file, and all else stays as it is."""

from struct import unpack_from
from typing import Any, NamedTuple, Tuple

from PIL import Image

from image.formats.limits import Limits
from image.formats.metadata import Remark
from image.formats.pillow import decode, encode
from image.operations.levels import Curve
from image.operations.table import Edit

_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_OLD, _WITH_ALPHA, _WITH_PROFILE = 12, 56, 124
_RAW, _MASKS = 0, 3
_KNOWN = {(1, 0), (4, 0), (8, 0), (16, 0), (24, 0), (32, 0), (8, 1), (4, 2), (16, 3), (32, 3)}
_USUAL = {16: (0x7C00, 0x3E0, 0x1F, 0), 32: (0xFF0000, 0xFF00, 0xFF, 0)}
_RESOLUTION, _PROFILE_SIZE = slice(38, 46), slice(130, 134)
_BAND = 1_000_000  # pixels that are mapped at a time


class Layout(NamedTuple):
    """What the header says, with the bits of red, green, blue and alpha in a pixel."""

    header: int
    width: int
    height: int
    bits: int
    coding: int
    start: int
    masks: Tuple[int, ...]

    @property
    def stride(self) -> int:
        """Count the bytes of a row."""
        return (self.width * self.bits + 31) // 32 * 4


def process(data: bytes, edit: Edit, limits: Limits, remark: Remark) -> bytes:
    """Apply an edit to a BMP file; keep its layout, alpha and colour profile."""
    layout = _layout(data)
    limits.check_pixels(layout.width * abs(layout.height))
    rows = layout.stride * abs(layout.height)
    if layout.coding in (_RAW, _MASKS) and layout.start + rows > len(data):
        raise ValueError("it ends too early")
    effect = edit.effect(_picture(data, layout, limits) for _ in range(1))
    if not isinstance(effect, Curve):
        return _replaced(data, layout, effect(_picture(data, layout, limits)), remark)
    if layout.bits > 8:
        return _mapped(data, layout, effect)
    _picture(data, layout, limits)  # shows whether it is whole
    return _with_palette_mapped(data, layout, effect)


def _layout(data: bytes) -> Layout:
    start, header = unpack_from("<II", data, 10)
    if header not in _HEADERS:
        raise ValueError("its header is of an unknown kind")
    form = "<HHHHI" if header == _OLD else "<iiHHI"
    width, height, _, bits, coding = unpack_from(form, data, 18)
    coding = _RAW if header == _OLD else coding
    if width < 1 or not height or (bits, coding) not in _KNOWN:
        raise ValueError(f"its pixels are of a rare kind ({bits} bits, compression {coding})")
    masks = _USUAL.get(bits, ())
    if coding == _MASKS:
        masks = (
            unpack_from("<4I", data, 54) if header >= _WITH_ALPHA else unpack_from("<3I", data, 54)
        )
        masks = (*masks, 0)[:4]
    taken = 0
    for mask in masks:
        span = mask // (mask & -mask) if mask else 0
        if span & (span + 1) or span > 0xFFFF or mask & taken or mask >> bits:
            raise ValueError("the bits of its colours are mixed up")
        taken |= mask
    return Layout(header, width, height, bits, coding, start, masks)


def _with_palette_mapped(data: bytes, layout: Layout, curve: Curve) -> bytes:
    entry, start = 3 if layout.header == _OLD else 4, 14 + layout.header
    count = 0 if layout.header == _OLD else unpack_from("<I", data, 46)[0]
    end = start + entry * min(count or 256, 1 << layout.bits)
    end = min(end, layout.start) if layout.start > start else end  # some say that it is the start
    result, table = bytearray(data), bytes(curve.table(255))
    for channel in range(3):
        places = slice(start + channel, end, entry)
        result[places] = result[places].translate(table)
    return bytes(result)


def _rows(data: Any, layout: Layout) -> Any:
    """Give the pixels as numbers, or as bytes where they are of three."""
    import numpy as np

    height = abs(layout.height)
    rows = np.frombuffer(data, "u1", layout.stride * height, layout.start).reshape(height, -1)
    rows = rows[:, : layout.width * layout.bits // 8]
    return rows if layout.bits == 24 else rows.view(f"<u{layout.bits // 8}")


def _mapped(data: bytes, layout: Layout, curve: Curve) -> bytes:
    """Map the colours of pixels in a copy of the file."""
    import numpy as np

    result = bytearray(data)
    rows, step = _rows(result, layout), max(1, _BAND // layout.width)
    for band in (rows[top : top + step] for top in range(0, len(rows), step)):
        if layout.bits == 24:
            band[:] = curve.map(band)
        for mask in filter(None, layout.masks[:3]):
            unit = mask & -mask
            table = np.array(curve.table(mask // unit), band.dtype) * band.dtype.type(unit)
            band[:] = (band & ~band.dtype.type(mask)) | table[(band & mask) // unit]
    return bytes(result)


def _picture(data: bytes, layout: Layout, limits: Limits) -> Any:
    """Give what an operation wants to see: an image of Pillow's, or colours and alpha."""
    import numpy as np

    if layout.bits <= 8:
        return decode(data, "BMP", limits)
    rows = _rows(data, layout)[:: 1 if layout.height < 0 else -1]
    if layout.bits == 24:
        return rows.reshape(len(rows), -1, 3)[..., ::-1]
    masks = layout.masks if layout.masks[3] and (rows & layout.masks[3]).any() else layout.masks[:3]
    picture = np.zeros((*rows.shape, len(masks)), "u1")
    for channel, mask in enumerate(masks):
        unit = mask & -mask or 1
        picture[..., channel] = (rows & mask) // unit * (255 / (mask // unit or 1)) + 0.5
    return picture


def _replaced(data: bytes, layout: Layout, result: Any, remark: Remark) -> bytes:
    """Put black and white in place of the pixels: as one bit, or beside their alpha."""
    import numpy as np

    if not isinstance(result, Image.Image):
        changed = bytearray(data)
        rows = _rows(changed, layout)
        colours = rows.dtype.type(sum(layout.masks[:3]))
        white = result[:: 1 if layout.height < 0 else -1, :, 0] > 0
        rows[:] = rows & ~colours | np.where(white, colours, rows.dtype.type(0))
        return bytes(changed)
    if layout.header >= _WITH_PROFILE and any(data[_PROFILE_SIZE]):
        remark("The colour profile was left out, since the colours became grey.")
    changed = bytearray(encode(result, "BMP"))
    changed[_RESOLUTION] = data[_RESOLUTION] if layout.header != _OLD else changed[_RESOLUTION]
    return bytes(changed)
