"""Composer: the whole pictures that an animation shows (PNG, third edition, 11.3.7)."""

from struct import unpack_from
from typing import Any, Iterator, Tuple

from image.formats.png.chunks import Frame, Layout
from image.formats.png.pixels import Pixels
from image.operations.levels import DEEP_WHITE, is_array

_CLEAR, _RESTORE, _OVER = 1, 2, 1


def compose(layout: Layout) -> Iterator[Tuple[Frame, Any]]:
    """Give each frame and the picture shown then: red, green, blue and alpha, as deep as it is.

    A still that is no frame of the animation comes by itself. The array given is used again.
    """
    import numpy as np

    first = _colours(layout, layout.frames[0])
    canvas = np.zeros((layout.header.height, layout.header.width, 4), first.dtype)
    for frame in layout.frames:
        if not frame.control:
            yield frame, first
            continue
        left, top = unpack_from(">II", frame.control, 12)
        disposal, blending = frame.control[24:]
        place = canvas[top : top + frame.header.height, left : left + frame.header.width]
        before = place.copy()
        colours = _colours(layout, frame)
        place[:] = _over(colours, before) if blending == _OVER else colours
        yield frame, canvas
        if disposal in (_CLEAR, _RESTORE):
            place[:] = before if disposal == _RESTORE else 0


def _colours(layout: Layout, frame: Frame) -> Any:
    import numpy as np

    picture: Any = Pixels(layout, frame).whole()
    if not is_array(picture):
        return np.asarray(picture.convert("RGBA"))
    channels = picture.shape[2]
    colours = picture[..., :3] if channels > 2 else picture[..., [0, 0, 0]]
    alpha = np.full_like(picture[..., :1], DEEP_WHITE) if channels % 2 else picture[..., -1:]
    return np.concatenate((colours, alpha), axis=2)


def _over(upper: Any, lower: Any) -> Any:
    """Put one picture over another, row by row, since it takes many times their memory."""
    import numpy as np

    white, result = float(np.iinfo(lower.dtype).max), np.empty_like(lower)
    for row, (above, below) in enumerate(zip(upper, lower)):
        cover = above[:, 3:].astype(float)
        rest = (white - cover) * below[:, 3:] / white
        total = cover + rest
        colours = (above[:, :3] * cover + below[:, :3] * rest) / np.maximum(total, 1 / white)
        result[row] = np.rint(np.concatenate((colours, total), axis=1))
    return result
