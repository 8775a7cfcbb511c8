"""Composer: the whole pictures that an animation shows (PNG, third edition, 11.3.7)."""

from struct import unpack_from
from typing import Any, Iterator, Tuple

from image.formats.png.chunks import Frame, Layout
from image.formats.png.pixels import Pixels
from image.operations.levels import count_colours

_CLEAR, _RESTORE, _OVER = 1, 2, 1


def compose(layout: Layout) -> Iterator[Tuple[Frame, Any]]:
    """Yield each frame and the picture shown then: red, green, blue and alpha, as deep as it is.

    A still that is no frame of the animation comes by itself. The array is used again.
    """
    import numpy as np

    first = _colours(Pixels(layout, layout.frames[0]).whole())
    canvas = np.zeros((layout.header.height, layout.header.width, 4), first.dtype)
    for frame in layout.frames:
        if not frame.control:
            yield frame, first
            continue
        left, top = unpack_from(">II", frame.control, 12)
        disposal, blending = frame.control[24:]
        place = canvas[top : top + frame.header.height, left : left + frame.header.width]
        before = place.copy()
        colours = _colours(Pixels(layout, frame).whole())
        place[:] = _over(colours, before) if blending == _OVER else colours
        yield frame, canvas
        if disposal in (_CLEAR, _RESTORE):
            place[:] = before if disposal == _RESTORE else 0


def _colours(levels: Any) -> Any:
    import numpy as np

    count = count_colours(levels)
    white = np.full_like(levels[..., :1], np.iinfo(levels.dtype).max)
    alpha = levels[..., count:] if levels.shape[2] > count else white
    return np.concatenate((levels[..., [0, count // 2, count - 1]], alpha), axis=2)


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
