"""Pages of a TIFF file: what their pixels are, and whether they can be kept."""

from typing import List, NamedTuple, Tuple

from image.formats.limits import Limits
from image.formats.tiff.directories import (
    STRIP_COUNTS,
    STRIP_OFFSETS,
    TILE_COUNTS,
    TILE_OFFSETS,
    TILE_WIDTH,
    Directory,
)

WIDTH, HEIGHT, BITS, COMPRESSION, PHOTOMETRIC, FILL_ORDER = 256, 257, 258, 259, 262, 266
CHANNELS, STRIP_ROWS, PLANAR, PREDICTOR, PALETTE, TILE_ROWS = 277, 278, 284, 317, 320, 323
INK_SET, EXTRA, SAMPLE_FORMAT = 332, 338, 339
WHITE_IS_ZERO, BLACK_IS_ZERO, RGB, INDEXED, CMYK, YCBCR, LAB = 0, 1, 2, 3, 5, 6, 8
_COLOURS = {WHITE_IS_ZERO: 1, BLACK_IS_ZERO: 1, RGB: 3, INDEXED: 1, CMYK: 4, LAB: 1, 9: 1}
# Those that code bytes, whatever the bytes mean: Pillow can be told that they are levels of grey.
CODINGS = {
    **{1: "raw", 5: "tiff_lzw", 8: "tiff_adobe_deflate", 32773: "packbits"},
    **{32946: "tiff_deflate", 34925: "lzma", 50000: "zstd"},
}
_JPEG, _FAX = (7,), (2, 3, 4)
_UNSIGNED, _FLOAT, _UNDEFINED = 1, 3, 4


class Page(NamedTuple):
    """A page by its directory, and the file that it is in."""

    data: bytes
    order: str
    fields: Directory

    def numbers(self, tag: int) -> Tuple[int, ...]:
        """Give all values of a tag."""
        return self.fields[tag].numbers(self.order) if tag in self.fields else ()

    def number(self, tag: int, default: int = 0) -> int:
        """Give the first value of a tag, or the default where there is none."""
        return (self.numbers(tag) or (default,))[0]

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
        """Count the planes of the page, which are coded one after another."""
        return self.channels if self.number(PLANAR, 1) == 2 else 1

    @property
    def kind(self) -> int:
        """Tell what the samples mean."""
        return self.number(PHOTOMETRIC, BLACK_IS_ZERO)

    @property
    def colours(self) -> int:
        """Count the samples that an edit changes, which are the first; of LAB the lightness."""
        return _COLOURS.get(self.kind, 0)

    @property
    def is_associated(self) -> bool:
        """Tell whether the colours were multiplied by the alpha behind them."""
        return self.channels > self.colours and self.number(EXTRA) == 1 and self.kind != LAB

    @property
    def is_bilevel(self) -> bool:
        """Tell whether there is only black and white, which every edit keeps."""
        return (self.bits, self.channels) == (1, 1) and self.kind <= BLACK_IS_ZERO

    @property
    def codes_bytes(self) -> bool:
        """Tell whether Pillow can give the samples as they are, and take them."""
        return self.number(COMPRESSION, 1) in CODINGS and bool(self.colours)

    @property
    def block_size(self) -> Tuple[int, int]:
        """Give the width and the height of a strip or of a tile."""
        if TILE_WIDTH in self.fields:
            return self.number(TILE_WIDTH), self.number(TILE_ROWS)
        height = self.number(HEIGHT)
        return self.number(WIDTH), min(self.number(STRIP_ROWS, height), height)

    def blocks(self) -> List[bytes]:
        """Give the strips or tiles as they are."""
        tiled = TILE_WIDTH in self.fields
        tags = (TILE_OFFSETS, TILE_COUNTS) if tiled else (STRIP_OFFSETS, STRIP_COUNTS)
        return [self.data[start : start + size] for start, size in zip(*map(self.numbers, tags))]

    def check(self, limits: Limits) -> int:
        """Count the pixels that the memory is filled with; refuse what cannot be kept."""
        width, height = self.number(WIDTH), self.number(HEIGHT)
        across, down = self.block_size
        if not (width and height and across and down):
            raise ValueError("a page of it has no pixels")
        pixels = max(1, self.bits * self.channels // 32) * (width * height + across * down)
        limits.check_pixels(pixels)
        self._check_samples()
        blocks = self.blocks()
        count = -(-width // across) * -(-height // down) * self.planes
        if len(blocks) < count or not all(blocks[:count]):
            raise ValueError("it is damaged or incomplete")
        return pixels

    def _check_samples(self) -> None:
        formats, bits = set(self.numbers(SAMPLE_FORMAT)) or {1}, set(self.numbers(BITS)) or {1}
        coding, kind = self.number(COMPRESSION, 1), self.kind
        if formats - {_UNSIGNED, _FLOAT, _UNDEFINED}:
            raise ValueError("its samples are signed or complex numbers")
        depths = (16, 32, 64) if _FLOAT in formats else (1, 2, 4, 8, 16)
        if len(formats) > 1 or len(bits) > 1 or self.bits not in depths:
            raise ValueError(f"it has samples of {' and '.join(map(str, sorted(bits)))} bits")
        if (self.bits < 8 and self.channels > 1) or (kind >= LAB and self.bits != 8):
            raise ValueError(f"it has {self.channels} channels of {self.bits} bits")
        converted = coding in CODINGS and kind == YCBCR
        if not (self.codes_bytes or coding in _JPEG or coding in _FAX or converted):
            raise ValueError(
                f"its pixels are of a rare kind (compression {coding}, colours {kind})"
            )
        if self.channels < (3 if kind in (YCBCR, LAB, 9) and coding not in _JPEG else self.colours):
            raise ValueError("it has fewer channels than its colours need")
        if _FLOAT in formats and (kind not in (BLACK_IS_ZERO, RGB) or self.is_associated):
            raise ValueError("its samples are floating-point numbers, but not of plain grey or RGB")
        if kind == CMYK and self.number(INK_SET, 1) != 1:
            raise ValueError("its inks are not cyan, magenta, yellow and black")
