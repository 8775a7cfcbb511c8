"""Levels: mapping those of an image through a curve, in every pixel mode that files open in."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable, Dict, Iterable, List, Optional, Tuple

if TYPE_CHECKING:
    from PIL.Image import Image

DEEP_WHITE = 65535
_STRIP_ROWS = 64
_AT_ONCE = 16_000_000


@dataclass(frozen=True)
class Curve:
    """A map from level to level, both from 0 (black) to 1 (white), which it keeps.

    Calling it with an image maps the image in place where its mode allows that, and gives it back.
    """

    level: Callable[[Any], Any]

    def table(self, white: int) -> List[int]:
        """List the output level, to the nearest, for each input level from 0 to white."""
        return [round(white * self.level(level / white)) for level in range(white + 1)]

    def __call__(self, image: "Image") -> "Image":
        """Map the colours of the image; alpha and the indexes of a palette stay."""
        if image.mode == "1":
            return image
        if image.mode in ("I;16", "I;16B"):
            return _map_deep(image, self.table(DEEP_WHITE))
        if image.mode == "F":
            return _map_floats(image, self.level)
        if image.mode in ("P", "PA"):
            return _map_palette(image, self.table(255))
        return _map_bands(image, self.table(255))


def mean_luminance(frames: Iterable["Image"]) -> float:
    """Give the mean luminance of all frames, from 0 to 1; transparent pixels do not count."""
    total, count = 0.0, 0
    for frame in frames:
        if frame.mode in ("I;16", "I;16B", "F"):
            pixels = deep_array(frame) / DEEP_WHITE if frame.mode != "F" else float_array(frame)
            total, count = total + float(pixels.sum()), count + pixels.size
        else:
            gray, opaque = split_gray(frame)
            histogram = gray.histogram(opaque)
            total += sum(level * number for level, number in enumerate(histogram)) / 255
            count += sum(histogram)
    return total / count if count else 0.0


def split_gray(image: "Image") -> Tuple["Image", Optional["Image"]]:
    """Give the luminance of an 8-bit image, and its alpha if it has any."""
    if image.mode == "LAB":
        return image.getchannel("L"), None
    if image.mode == "PA" or "transparency" in image.info:
        image = image.convert("RGBA")
    alpha = image.getchannel("A") if "A" in image.getbands() else None
    return image.convert("L"), alpha


def deep_array(image: "Image") -> Any:
    """Give the 16-bit levels of an image as an array."""
    import numpy as np

    kind = ">u2" if image.mode == "I;16B" else "<u2"
    return np.frombuffer(image.tobytes(), kind).reshape(image.height, image.width)


def deep_image(levels: Any, mode: str) -> "Image":
    """Make a 16-bit image of an array of levels."""
    from PIL import Image

    kind = ">u2" if mode == "I;16B" else "<u2"
    return Image.frombytes(mode, levels.shape[::-1], levels.astype(kind).tobytes())


def float_array(image: "Image") -> Any:
    """Give the levels of a floating-point image as an array, if they are from 0 to 1."""
    import numpy as np

    levels = np.asarray(image, "f8")
    if not (levels.min() >= 0 and levels.max() <= 1):
        raise ValueError("its floating-point pixels are not all from 0 to 1")
    return levels


def _map_deep(image: "Image", table: List[int]) -> "Image":
    import numpy as np

    return deep_image(np.array(table, "u2")[deep_array(image)], image.mode)


def _map_floats(image: "Image", level: Callable[[Any], Any]) -> "Image":
    from PIL import Image

    return Image.fromarray(level(float_array(image)).astype("f4"))


def _map_palette(image: "Image", table: List[int]) -> "Image":
    image.putpalette([table[level] for level in image.getpalette("RGB") or []], "RGB")
    return image


def _map_bands(image: "Image", table: List[int]) -> "Image":
    """Map an image at once, or strip by strip if it is too large to be in memory twice."""
    tables = _band_tables(table).get(image.mode)
    if tables is None:
        raise ValueError(f"its pixels are of mode {image.mode}, which has no levels to map")
    if image.width * image.height <= _AT_ONCE:
        return image.point(tables)
    for top in range(0, image.height, _STRIP_ROWS):
        box = (0, top, image.width, min(top + _STRIP_ROWS, image.height))
        image.paste(image.crop(box).point(tables), box)
    return image


def _band_tables(table: List[int]) -> Dict[str, List[int]]:
    """Give the tables of all bands by mode.

    Ink is mapped by its complement: that equals mapping the red, green and blue it prints as.
    """
    same = list(range(256))
    ink = [255 - level for level in reversed(table)]
    return {
        "L": table,
        "LA": table + same,
        "RGB": table * 3,
        "RGBA": table * 3 + same,
        "RGBX": table * 3 + same,
        "CMYK": ink * 4,
        "LAB": table + same * 2,
    }
