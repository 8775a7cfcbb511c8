"""Pages of a TIFF file: what their pixels are, and whether they can be kept."""

from typing import List, NamedTuple, Tuple

from image.formats.limits import Limits
from image.formats.tiff import tags
from image.formats.tiff.directories import Directory

# By what samples mean: black and white, RGB, palette, CMYK, two kinds of LAB.
_COLOURS = {0: 1, 1: 1, tags.RGB: 3, tags.INDEXED: 1, tags.CMYK: 4, tags.LAB: 1, 9: 1}
# Those that code bytes, whatever the bytes mean: Pillow can be told that they are levels of grey.
CODINGS = {
    **{1: "raw", 5: "tiff_lzw", 8: "tiff_adobe_deflate", 32773: "packbits"},
    **{32946: "tiff_deflate", 34925: "lzma", 50000: "zstd"},
}
_JPEG, _FAX = (7,), (2, 3, 4)
_UNSIGNED, _FLOAT, _UNDEFINED = 1, 3, 4
DIFFERENCES = 2  # the predictor of whole numbers


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
        return self.number(tags.BITS, 1)

    @property
    def channels(self) -> int:
        """Count the samples of a pixel."""
        return self.number(tags.CHANNELS, 1)

    @property
    def planes(self) -> int:
        """Count the planes of the page, which are coded one after another."""
        return self.channels if self.number(tags.PLANAR, 1) == 2 else 1

    @property
    def kind(self) -> int:
        """Tell what the samples mean."""
        return self.number(tags.PHOTOMETRIC, tags.BLACK_IS_ZERO)

    @property
    def colours(self) -> int:
        """Count the samples that an edit changes, which are the first; of LAB the lightness."""
        return _COLOURS.get(self.kind, 0)

    @property
    def is_associated(self) -> bool:
        """Tell whether the colours were multiplied by the alpha behind them."""
        has_more = self.channels > self.colours and self.kind != tags.LAB
        return has_more and self.number(tags.EXTRA) == 1

    @property
    def is_bilevel(self) -> bool:
        """Tell whether there is only black and white, which every edit keeps."""
        return (self.bits, self.channels) == (1, 1) and self.kind <= tags.BLACK_IS_ZERO

    @property
    def codes_bytes(self) -> bool:
        """Tell whether Pillow can give the samples as they are, and take them."""
        return self.number(tags.COMPRESSION, 1) in CODINGS and bool(self.colours)

    @property
    def block_size(self) -> Tuple[int, int]:
        """Give the width and the height of a strip or of a tile."""
        if tags.TILE_WIDTH in self.fields:
            return self.number(tags.TILE_WIDTH), self.number(tags.TILE_ROWS)
        height = self.number(tags.HEIGHT)
        return self.number(tags.WIDTH), min(self.number(tags.STRIP_ROWS, height), height)

    def blocks(self) -> List[bytes]:
        """Give the strips or tiles as they are."""
        names = tags.TILES if tags.TILE_WIDTH in self.fields else tags.STRIPS
        return [self.data[start : start + size] for start, size in zip(*map(self.numbers, names))]

    def check(self, limits: Limits) -> int:
        """Count the pixels that the memory is filled with; refuse what cannot be kept."""
        width, height = self.number(tags.WIDTH), self.number(tags.HEIGHT)
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
        formats = set(self.numbers(tags.SAMPLE_FORMAT)) or {_UNSIGNED}
        bits = set(self.numbers(tags.BITS)) or {1}
        coding, kind = self.number(tags.COMPRESSION, 1), self.kind
        if formats - {_UNSIGNED, _FLOAT, _UNDEFINED}:
            raise ValueError("its samples are signed or complex numbers")
        depths = (16, 32, 64) if _FLOAT in formats else (1, 2, 4, 8, 16)
        if len(formats) > 1 or len(bits) > 1 or self.bits not in depths:
            raise ValueError(f"it has samples of {' and '.join(map(str, sorted(bits)))} bits")
        if (self.bits < 8 and self.channels > 1) or (kind >= tags.LAB and self.bits != 8):
            raise ValueError(f"it has {self.channels} channels of {self.bits} bits")
        if not (self.codes_bytes or coding in _JPEG or coding in _FAX):
            raise ValueError(f"its pixels are unusual (compression {coding}, colours {kind})")
        if self.channels < (3 if kind >= tags.LAB else self.colours):
            raise ValueError("it has fewer channels than its colours need")
        if self.number(tags.PREDICTOR, 1) > DIFFERENCES:
            raise ValueError("its predictor is that of floating-point numbers, not known here")
        if _FLOAT in formats and (kind not in (tags.BLACK_IS_ZERO, tags.RGB) or self.is_associated):
            raise ValueError("its samples are floating-point numbers, but not of plain grey or RGB")
        if kind == tags.CMYK and self.number(tags.INK_SET, 1) != 1:
            raise ValueError("its inks are not cyan, magenta, yellow and black")
