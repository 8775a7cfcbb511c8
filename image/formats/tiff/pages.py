"""Pages of a TIFF file: what their pixels are, and their samples, strip by strip."""

from dataclasses import dataclass
from io import BytesIO
from struct import pack
from typing import Any, Dict, Iterator, List, Tuple

from PIL import Image

from image.formats.limits import Limits
from image.formats.tiff.directories import (
    LONG,
    SHORT,
    STRIP_COUNTS,
    STRIP_OFFSETS,
    TILE_COUNTS,
    TILE_OFFSETS,
    Directory,
    Field,
    read,
    write,
)

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
CHANNELS, STRIP_ROWS, PLANAR, PREDICTOR, PALETTE, TILE_WIDTH = 277, 278, 284, 317, 320, 322
TILE_HEIGHT, INK_SET, EXTRA, SAMPLE_FORMAT = 323, 332, 338, 339
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, INDEXED, CMYK, LAB = 0, 1, 2, 3, 5, 8
_COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, INDEXED: 1, CMYK: 4, LAB: 1, 9: 1}
# Those that code bytes, whatever the bytes mean, so that Pillow can take them for grey levels.
CODINGS = {
    **{1: "raw", 5: "tiff_lzw", 8: "tiff_adobe_deflate", 32773: "packbits"},
    **{32946: "tiff_deflate", 34925: "lzma", 50000: "zstd"},
}
_NONE, _DIFFERENCES, _FLOATS = 1, 2, 3
_BAND = 4_000_000  # bytes that are decoded at a time, where the strips allow


@dataclass(frozen=True)
class Page:
    """A page, by its directory, in the file that it is of."""

    data: bytes
    order: str
    fields: Directory

    def number(self, tag: int, default: int = 0) -> int:
        """Give the first value of a tag, or the default where there is none."""
        return (self.numbers(tag) or (default,))[0]

    def numbers(self, tag: int) -> Tuple[int, ...]:
        """Give all values of a tag."""
        return self.fields[tag].numbers(self.order) if tag in self.fields else ()

    @property
    def size(self) -> Tuple[int, int]:
        """Give the width and the height."""
        return self.number(WIDTH), self.number(HEIGHT)

    @property
    def bits(self) -> int:
        """Give the bits of a sample."""
        return self.number(BITS, 1)

    @property
    def channels(self) -> int:
        """Count the samples of a pixel."""
        return self.number(CHANNELS, 1)

    @property
    def planes(self) -> int:
        """Count the planes that are coded one after another."""
        return self.channels if self.number(PLANAR, 1) == 2 else 1

    @property
    def colours(self) -> int:
        """Count the samples that an edit changes: the first ones; of LAB only the lightness."""
        return _COLOURS.get(self.number(PHOTOMETRIC), 0)

    @property
    def codes_bytes(self) -> bool:
        """Tell whether the samples can be had without what Pillow would make of them."""
        return self.number(COMPRESSION, 1) in CODINGS and bool(self.colours)

    def check(self, limits: Limits) -> int:
        """Count the pixels as memory is filled by them; refuse what cannot be kept."""
        self._check_samples()
        width, height = self.size
        if not (width and height):
            raise ValueError("a page of it has no pixels")
        across, down = self.number(TILE_WIDTH, width), self.number(TILE_HEIGHT, 1)
        limits.check_pixels(across * down * max(1, self.bits * self.channels // 32))
        starts, sizes = self.places()
        blocks = -(-width // across) * -(-height // self.block_rows) * self.planes
        if not blocks <= len(starts) == len(sizes) or not all(sizes[:blocks]):
            raise ValueError("it is damaged or incomplete")
        return width * height * max(1, self.bits * self.channels // 32)

    def _check_samples(self) -> None:
        bits, kinds = set(self.numbers(BITS)), set(self.numbers(SAMPLE_FORMAT))
        if kinds - {1, 3, 4}:
            raise ValueError("its pixels are signed or complex numbers, and only plain ones are kept")
        known = (16, 32, 64) if 3 in kinds else (1, 2, 4, 8, 16)
        if len(bits | kinds) > 2 or self.bits not in known or self.bits < 8 and self.channels > 1:
            raise ValueError(f"its pixels are of {', '.join(map(str, self.numbers(BITS)))} bits")
        if self.codes_bytes and self.channels < (3 if self.number(PHOTOMETRIC) >= LAB else self.colours):
            raise ValueError("it has fewer channels than its colours need")
        if self.number(PHOTOMETRIC) == CMYK and self.number(INK_SET, 1) != 1:
            raise ValueError("its inks are not cyan, magenta, yellow and black")

    @property
    def block_rows(self) -> int:
        """Count the rows of a strip or of a tile."""
        rows = self.number(TILE_HEIGHT) or self.number(STRIP_ROWS, self.size[1])
        return max(1, min(rows, self.size[1]) if TILE_WIDTH not in self.fields else rows)

    def places(self) -> Tuple[Tuple[int, ...], Tuple[int, ...]]:
        """Give where the strips or tiles begin, and their sizes."""
        if TILE_WIDTH in self.fields:
            return self.numbers(TILE_OFFSETS), self.numbers(TILE_COUNTS)
        return self.numbers(STRIP_OFFSETS), self.numbers(STRIP_COUNTS)

    def strips(self) -> List[bytes]:
        """Give the strips or tiles as they are."""
        return [self.data[start : start + size] for start, size in zip(*self.places())]

    def bands(self, plane: int = 0) -> Iterator[Any]:
        """Give the samples of a plane, some rows at a time, as arrays of rows, columns, channels."""
        width, height = self.size
        across = self.number(TILE_WIDTH, width)
        blocks = -(-width // across)  # in a row of them
        rows, deep = self.block_rows, self.channels // self.planes
        stride = -(-across * self.bits * deep // 8)
        many = max(1, _BAND // (rows * stride * blocks)) * rows
        starts, sizes = self.places()
        first = plane * -(-height // rows) * blocks
        for top in range(0, height, many):
            end = min(top + many, height)
            chosen = slice(first + top // rows * blocks, first + -(-end // rows) * blocks)
            tall = -(-(end - top) // rows) * rows if blocks > 1 or TILE_WIDTH in self.fields else end - top
            image = self._decoded(starts[chosen], sizes[chosen], (stride * blocks, tall), stride)
            yield from self._samples(image, end - top, across, deep)
