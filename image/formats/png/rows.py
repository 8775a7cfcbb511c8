"""Rows of bytes as PNG stores them, of pixels that an operation has changed."""

from typing import Any, Callable, Iterable, NamedTuple

from image.formats.png.chunks import COLOUR, COLOUR_ALPHA, GREY, GREY_ALPHA, Header
from image.formats.png.pixels import Pixels
from image.operations.levels import Curve, count_colours

_COLORS = {1: GREY, 2: GREY_ALPHA, 3: COLOUR, 4: COLOUR_ALPHA}  # by the number of channels


class Rows(NamedTuple):
    """What the encoder takes: the header of the pixels, and a function that returns some rows."""

    header: Header
    take: Callable[[int, int], Any]
    decoded: Iterable[int] = ()  # how many there are, again and again, and at the end all

    def below(self, top: int, bottom: int) -> Any:
        """Return rows with the one above them, which is zero for the first."""
        import numpy as np

        rows = self.take(max(0, top - 1), bottom)
        return rows if top else np.concatenate((np.zeros_like(rows[:1]), rows))


def mapped(pixels: Pixels, curve: Curve) -> Rows:
    """Map pixels through a curve, strip by strip as they are decoded."""
    width, height, depth, *_ = pixels.header

    def take(top: int, bottom: int) -> Any:
        levels = pixels.rows(top, bottom)
        result = curve.map(levels)
        if levels.shape[2] > count_colours(levels):
            result[..., -1] = levels[..., -1]
        return _packed(result)

    header = Header(width, height, max(8, depth), _COLORS[pixels.channels])
    return Rows(header, take, pixels.decoded)


def of(picture: Any) -> Rows:
    """Return the rows of a whole picture: an array of levels, or one of black and white."""
    height, width, *channels = picture.shape
    depth = 8 * picture.dtype.itemsize if channels else 1
    header = Header(width, height, depth, _COLORS[channels[0] if channels else 1])
    return Rows(header, lambda top, bottom: _packed(picture[top:bottom]))


def _packed(levels: Any) -> Any:
    """Return the bytes of each row."""
    import numpy as np

    if levels.dtype == bool:
        return np.packbits(levels, axis=1)
    return levels.astype(f">u{levels.itemsize}", copy=False).reshape(len(levels), -1).view("u1")
