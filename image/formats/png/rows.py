"""Rows of bytes as PNG stores them, of pixels that an operation has changed."""

from typing import Any, Callable, NamedTuple

from image.formats.png.chunks import COLOUR, COLOUR_ALPHA, GREY, GREY_ALPHA, Header
from image.formats.png.pixels import Pixels
from image.operations.levels import DEEP_WHITE, Curve, count_colours, is_array
from image.operations.table import Effect

_COLORS = {1: GREY, 2: GREY_ALPHA, 3: COLOUR, 4: COLOUR_ALPHA}  # by the number of channels


class Rows(NamedTuple):
    """What the encoder takes: the header of the pixels, and a function that gives some rows."""

    header: Header
    take: Callable[[int, int], Any]


def mapped(pixels: Pixels, curve: Curve) -> Rows:
    """Map pixels through a curve, strip by strip; a transparent colour becomes alpha."""
    header = pixels.header._replace(depth=max(8, pixels.header.depth), interlaced=0)
    if pixels.key:
        header = header._replace(color=header.color + GREY_ALPHA)
    if header.depth == 8:
        return Rows(header, lambda top, bottom: _bytes(curve(pixels.image(top, bottom))))
    import numpy as np

    table = np.array(curve.table(DEEP_WHITE), "u2")

    def take(top: int, bottom: int) -> Any:
        levels = pixels.levels(top, bottom)
        colours = levels[..., : count_colours(levels)]
        colours[:] = table[colours]
        return _bytes(levels)

    return Rows(header, take)


def changed(picture: Any, effect: Effect) -> Rows:
    """Change a whole picture, be it an image or an array."""
    result: Any = effect(picture)
    if is_array(result):
        height, width, channels = result.shape
        rows = _bytes(result)
        header = Header(width, height, 8 * result.itemsize, _COLORS[channels])
        return Rows(header, lambda top, bottom: rows[top:bottom])
    depth, color = 1 if result.mode == "1" else 8, _COLORS[len(result.getbands())]
    header = Header(result.width, result.height, depth, color)
    width = result.width
    return Rows(header, lambda top, bottom: _bytes(result.crop((0, top, width, bottom))))


def _bytes(rows: Any) -> Any:
    """Give the bytes of each row of an image or an array."""
    import numpy as np

    if is_array(rows):
        return rows.astype(f">u{rows.itemsize}").reshape(len(rows), -1).view("u1")
    return np.frombuffer(rows.tobytes(), "u1").reshape(rows.height, -1)
