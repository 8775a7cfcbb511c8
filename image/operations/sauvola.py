"""Sauvola's local threshold: ink and paper told apart under uneven light."""

from typing import Any

from image.operations import levels


def binarise(image: Any, window: int, k: float, r: float) -> Any:
    """Make each pixel black or white, with one bit for each; alpha stays, beside grey.

    A pixel is white where its luminance is above m * (1 + k * (s / r - 1)), with the mean m and
    the standard deviation s of the window around it, cut off at the edges of the image.
    """
    import numpy as np
    from PIL import Image

    is_deep = levels.is_array(image)
    if is_deep and image.dtype.kind == "f":
        raise ValueError("its pixels are floating-point numbers, which sauvola does not know")
    if not is_deep and image.mode == "1":
        return image
    gray, alpha = levels.split_gray(image)
    gray, scale = np.asarray(gray), levels.white_of(image) if is_deep else 255
    white = is_white(gray, window, k, r * scale / 255)
    if alpha is None:
        return Image.fromarray(white)
    result = np.dstack((white * gray.dtype.type(scale), alpha))
    return result if is_deep else Image.fromarray(result)


def is_white(pixels: Any, window: int, k: float, r: float) -> Any:
    """Return for each pixel of an array of levels whether it is above its threshold.

    Of the integral images of the levels and of their squares one row at a time is held, as sums
    over the rows of the window: the cost does not grow with the window, nor memory with the image.
    """
    import numpy as np

    if len(pixels) > len(pixels[0]):  # the fewer and the longer the rows, the faster
        return is_white(pixels.T, window, k, r).T
    height, width = pixels.shape
    reach = window // 2
    left = np.maximum(np.arange(width) - reach, 0)
    right = np.minimum(np.arange(width) + reach + 1, width)
    white = np.empty((height, width), bool)
    sums = np.zeros((2, width), np.int64)
    integral = np.zeros((2, width + 1), np.int64)
    for row in range(min(reach, height)):
        sums += _powers(pixels[row])
    for row in range(height):
        if row + reach < height:
            sums += _powers(pixels[row + reach])
        if row > reach:
            sums -= _powers(pixels[row - reach - 1])
        np.cumsum(sums, axis=1, out=integral[:, 1:])
        total, squares = (integral[:, right] - integral[:, left]).astype(float)
        count = (right - left) * (min(row + reach + 1, height) - max(row - reach, 0))
        white[row] = pixels[row] > _threshold(count, total, squares, k, r)
    return white


def _powers(row: Any) -> Any:
    import numpy as np

    wide = row.astype(np.int64)
    return np.stack((wide, wide * wide))


def _threshold(count: Any, total: Any, squares: Any, k: float, r: float) -> Any:
    """Return m * (1 + k * (s / r - 1)); up to the roots, sums of 8-bit levels are exact here."""
    import numpy as np

    deviation = np.sqrt(np.maximum(count * squares - total * total, 0)) / count
    return total / count * (1 + k * (deviation / r - 1))
