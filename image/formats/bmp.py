"""BMP: levels are mapped where they stand in the file, and all else stays as it is."""

from struct import unpack_from
from typing import Any, List, NamedTuple

from PIL import Image

from image.formats.limits import Limits
from image.formats.parts import Remark
from image.formats.pillow import decode, encode
from image.operations.levels import Curve
from image.operations.table import Edit

_HEADERS = (12, 40, 52, 56, 64, 108, 124)
_OLD, _WITH_ALPHA, _WITH_PROFILE = 12, 56, 124
_RAW, _MASKS = 0, 3
_KNOWN = {(1, 0), (4, 0), (8, 0), (24, 0), (32, 0), (8, 1), (4, 2), (32, 3)}
_PLACES = ([0, 1, 2], [1, 2, 3], [0, 1, 2, 3], [1, 2, 3, 0])  # of colours, and of alpha
_BYTES = {0xFF << 8 * place: place for place in range(4)}
_RESOLUTION, _PROFILE_SIZE = slice(38, 46), slice(130, 134)


class Layout(NamedTuple):
    """What the header says, with the places of red, green, blue and alpha in a pixel."""

    header: int
    width: int
    height: int
    bits: int
    start: int
    stride: int
    places: List[int]


def process(data: bytes, edit: Edit, limits: Limits, remark: Remark) -> bytes:
    """Apply an edit to a BMP file; keep its layout, alpha and colour profile."""
    layout = _layout(data)
    limits.check_pixels(layout.width * abs(layout.height))
    if layout.bits > 8:
        return _with_pixels_changed(data, layout, edit, remark)
    picture = decode(data, "BMP")
    effect = edit.effect([picture])
    if isinstance(effect, Curve):
        return _with_palette_mapped(data, layout, effect)
    return _in_black_and_white(data, layout, effect(picture), remark)


def _layout(data: bytes) -> Layout:
    start, header = unpack_from("<II", data, 10)
    if header not in _HEADERS:
        raise ValueError("its header is of an unknown kind")
    form = "<HHHHI" if header == _OLD else "<iiHHI"
    width, height, _, bits, coding = unpack_from(form, data, 18)
    coding = _RAW if header == _OLD else coding
    if width < 1 or not height or (bits, coding) not in _KNOWN:
        raise ValueError(f"its pixels are of a rare kind ({bits} bits, compression {coding})")
    places = [2, 1, 0]
    if coding == _MASKS:
        masks = unpack_from("<4I" if header >= _WITH_ALPHA else "<3I", data, 54)
        places = [_BYTES.get(mask, -1) for mask in masks[:3] + tuple(filter(None, masks[3:]))]
        if [*sorted(places[:3]), *places[3:]] not in _PLACES:
            raise ValueError("its colours are not bytes one behind the other")
    stride = (width * bits + 31) // 32 * 4
    if coding in (_RAW, _MASKS) and start + stride * abs(height) > len(data):
        raise ValueError("it ends too early")
    return Layout(header, width, height, bits, start, stride, places)


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


def _with_pixels_changed(data: bytes, layout: Layout, edit: Edit, remark: Remark) -> bytes:
    """Change the colours of pixels in a copy of the file."""
    import numpy as np

    result, size = bytearray(data), layout.bits // 8
    shape, steps = (abs(layout.height), layout.width, size), (layout.stride, size, 1)
    pixels = np.ndarray(shape, "u1", result, layout.start, steps)
    pixels = pixels[:: -1 if layout.height > 0 else 1]
    places, first = layout.places, min(layout.places[:3])
    colours = slice(first, first + 3)
    if not pixels[..., places[3:]].any():  # some leave alpha empty, and mean a whole picture
        places = places[:3]
    effect = edit.effect(pixels[..., places] for _ in range(1))
    if isinstance(effect, Curve):
        pixels[..., colours] = effect.map(pixels[..., colours])
        return bytes(result)
    changed = effect(pixels[..., places])
    if isinstance(changed, Image.Image):
        return _in_black_and_white(data, layout, changed, remark)
    pixels[..., colours] = changed[..., :1]
    return bytes(result)


def _in_black_and_white(data: bytes, layout: Layout, image: Any, remark: Remark) -> bytes:
    """Return a file of one bit a pixel, with the resolution of the source."""
    if layout.header >= _WITH_PROFILE and any(data[_PROFILE_SIZE]):
        remark("The colour profile was left out, since the colours became grey.")
    result = bytearray(encode(image, "BMP"))
    if layout.header != _OLD:
        result[_RESOLUTION] = data[_RESOLUTION]
    return bytes(result)
