"""Composer: the whole pictures that an animation shows (PNG, third edition, 11.3.7)."""

from typing import Any, Iterator, Tuple

from image.formats.png.chunks import Frame, Layout
from image.formats.png.pixels import Pixels

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
        left, top = frame.corner
        place = canvas[top : top + frame.header.height, left : left + frame.header.width]
        before = place.copy()
        colours = _colours(layout, frame)
        place[:] = _over(colours, before) if frame.blending == _OVER else colours
        yield frame, canvas
        if frame.disposal in (_CLEAR, _RESTORE):
            place[:] = before if frame.disposal == _RESTORE else 0


def _colours(layout: Layout, frame: Frame) -> Any:
    import numpy as np

    pixels = Pixels(layout, frame).decoded()
    if not pixels.is_deep:
        return np.asarray(pixels.image().convert("RGBA"))
    levels = pixels.levels()
    white = np.full_like(levels[..., :1], 0xFFFF)
    colours = levels[..., :3] if levels.shape[2] > 2 else levels[..., [0, 0, 0]]
    alpha = white if levels.shape[2] % 2 else levels[..., -1:]
    return np.concatenate((colours, alpha), axis=2).astype("u2")


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
