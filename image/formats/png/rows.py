"""Rows of bytes as PNG stores them, of pixels that an operation has changed."""

from typing import Any, Callable, Iterable, NamedTuple

from image.formats.png.chunks import COLOUR, COLOUR_ALPHA, GREY, GREY_ALPHA, Header
from image.formats.png.pixels import Pixels
from image.operations.levels import Curve

_COLORS = (GREY, GREY_ALPHA, COLOUR, COLOUR_ALPHA)  # by the number of channels


class Rows(NamedTuple):
    """What the encoder takes: the header of the pixels, and a function that returns some rows."""

    header: Header
    take: Callable[[int, int], Any]
    decoded: Iterable[int] = ()  # how many there are, again and again, and at the end all


def mapped(pixels: Pixels, curve: Curve) -> Rows:
    """Map pixels through a curve, strip by strip; a transparent colour becomes alpha."""
    width, height, depth, color, _ = pixels.header
    color += GREY_ALPHA if pixels.key else 0

    def take(top: int, bottom: int) -> Any:
        levels = pixels.rows(top, bottom)
        result = curve.map(levels)
        if color & GREY_ALPHA:
            result[..., -1] = levels[..., -1]
        return _packed(result)

    return Rows(Header(width, height, max(8, depth), color), take, pixels.decoded)


def of(picture: Any) -> Rows:
    """Return the rows of a whole picture: an array of levels, or one of black and white."""
    height, width, *channels = picture.shape
    depth = 8 * picture.dtype.itemsize if channels else 1
    header = Header(width, height, depth, _COLORS[sum(channels) - 1 if channels else 0])
    return Rows(header, lambda top, bottom: _packed(picture[top:bottom]))


def _packed(levels: Any) -> Any:
    """Return the bytes of each row."""
    import numpy as np

    if levels.dtype == bool:
        return np.packbits(levels, axis=1)
    return levels.astype(f">u{levels.itemsize}", copy=False).reshape(len(levels), -1).view("u1")
