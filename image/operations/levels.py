"""Levels: mapping those of an image through a curve, in every kind of pixels that files have."""

from array import array
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Callable, Iterable, List, Tuple

_STRIP_ROWS = 64
_AT_ONCE = 16_000_000  # pixels that may be in memory twice
_WEIGHTS = (19595 / 65536, 38470 / 65536, 7471 / 65536)  # those of Pillow, for red, green and blue
_COLOURS = {"L": 1, "LA": 1, "RGB": 3, "RGBA": 3, "RGBX": 3}  # bands before others, by mode
_MODES = (*_COLOURS, "1", "P", "PA", "CMYK")  # those whose luminance is known


@dataclass(frozen=True)
class Curve:
    """A map from level to level, both from 0 (black) to 1 (white), which it keeps.

    Calling it with an image of Pillow's maps its colours, in place where its mode allows that.
    """

    level: Callable[[Any], Any]

    def table(self, white: int) -> List[int]:
        """Return the output level, to the nearest, for each input level from 0 to white."""
        return list(_table(self.level, white))

    def map(self, levels: Any, white: int = 0) -> Any:
        """Return the mapped levels of an array; white is the highest there can be if not given."""
        import numpy as np

        white = white or white_of(levels)
        if levels.dtype.kind == "f":
            return self.level(levels.astype("f8")).astype(levels.dtype)
        table = _table(self.level, white)
        if levels.dtype != np.uint8:
            return np.asarray(table).take(levels, mode="clip")
        mapped = bytearray(levels).translate(table.tobytes().ljust(256))  # twice as fast
        return np.frombuffer(mapped, "u1").reshape(levels.shape)

    def __call__(self, image: Any) -> Any:
        """Map an image at once, or strip by strip if it is too large to be in memory twice."""
        if image.mode == "1":
            return image
        tables = self._tables(image.mode, len(image.getbands()))
        if image.width * image.height <= _AT_ONCE:
            return image.point(tables)
        for top in range(0, image.height, _STRIP_ROWS):
            box = (0, top, image.width, min(top + _STRIP_ROWS, image.height))
            image.paste(image.crop(box).point(tables), box)
        return image

    def _tables(self, mode: str, bands: int) -> List[int]:
        """Return the tables of all bands; ink is mapped by the complement, which it prints as."""
        table, colours = self.table(255), _COLOURS.get(mode, 0)
        if mode == "CMYK":
            return [255 - level for level in reversed(table)] * bands
        if not colours:
            raise ValueError(f"its pixels are of mode {mode}, which has no levels to map")
        return table * colours + list(range(256)) * (bands - colours)


@lru_cache(maxsize=8)  # strips ask for the same one again and again
def _table(level: Callable[[Any], Any], white: int) -> "array[int]":
    if white < 256:
        return array("B", (round(white * level(each / white)) for each in range(white + 1)))
    import numpy as np  # a start without deep images needs none

    return array("H", np.rint(white * level(np.arange(white + 1) / white)).astype("H").tobytes())


def is_array(image: Any) -> bool:
    """Return whether this is an array of rows, columns and channels, not an image of Pillow's.

    Its levels have 8 or 16 bits, or are floats: grey, or red, green and blue, with alpha behind
    if the channels are two or four.
    """
    return hasattr(image, "dtype")


def count_colours(levels: Any) -> int:
    """Return how many channels of an array are not alpha."""
    return 3 if levels.shape[2] > 2 else 1


def white_of(levels: Any) -> int:
    """Return the level of white in an array; raises ValueError for floats beyond it."""
    if levels.dtype.kind == "f":
        if levels.size and not (levels.min() >= 0 and levels.max() <= 1):
            raise ValueError("its floating-point samples are not all from 0 to 1")
        return 1
    return int((1 << 8 * levels.dtype.itemsize) - 1)


def mean_luminance(frames: Iterable[Any]) -> float:
    """Return the mean luminance of all frames, from 0 to 1; transparent pixels do not count."""
    total, count = 0.0, 0
    for frame in frames:
        gray, alpha = split_gray(frame)
        if is_array(frame):
            seen = gray if alpha is None else gray[alpha > 0]
            total, count = total + float(seen.sum(dtype="f8")) / white_of(frame), count + seen.size
        else:
            histogram = gray.histogram(alpha)
            total += sum(level * number for level, number in enumerate(histogram)) / 255
            count += sum(histogram)
    return total / count if count else 0.0


def split_gray(image: Any) -> Tuple[Any, Any]:
    """Return the luminance of an image or an array, and its alpha, or None if it has none."""
    if is_array(image):
        return _luminance(image), image[..., -1] if image.shape[2] in (2, 4) else None
    if image.mode not in _MODES:
        raise ValueError(f"its pixels are of mode {image.mode}, whose luminance is not known")
    if image.mode == "PA" or "transparency" in image.info:
        image = image.convert("RGBA")
    alpha = image.getchannel("A") if "A" in image.getbands() else None
    return image.convert("L"), alpha


def _luminance(levels: Any) -> Any:
    """Return the luminance of an array, without its alpha, rounded as Pillow does."""
    import numpy as np

    if count_colours(levels) == 1:
        return levels[..., 0]
    gray = np.empty(levels.shape[:2], levels.dtype)
    half = 0 if levels.dtype.kind == "f" else 0.5
    for top in range(0, len(levels), _STRIP_ROWS):
        rows = slice(top, top + _STRIP_ROWS)
        gray[rows] = levels[rows, :, :3] @ np.array(_WEIGHTS) + half
    return gray
