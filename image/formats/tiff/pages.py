"""Pages of a TIFF file: what their samples are, and whether they can be kept."""

from dataclasses import dataclass
from typing import Sequence, Tuple

from image.formats.tiff import tags
from image.formats.tiff.directories import Directory

# By what samples mean, how many of a pixel an edit changes, which are the first.
_COLOURS = {0: 1, 1: 1, tags.RGB: 3, tags.INDEXED: 1, tags.CMYK: 4}
# Those that code bytes, whatever the bytes mean: Pillow can be told that they are levels of grey.
CODINGS = {
    **{1: "raw", 5: "tiff_lzw", 8: "tiff_adobe_deflate", 32773: "packbits"},
    **{32946: "tiff_deflate", 34925: "lzma", 50000: "zstd"},
}
_JPEG = (6, 7, 34892)
_FORMATS = {tags.UNSIGNED, tags.FLOAT, tags.UNDEFINED}
_PLAIN = (tags.BLACK_IS_ZERO, tags.RGB)
DIFFERENCES = 2  # the predictor of whole numbers
_USUAL = {tags.WIDTH: 0, tags.HEIGHT: 0, tags.EXTRA: 0}  # all other tags are 1 where they are not


@dataclass(frozen=True)
class Page:
    """A page: its fields, and the strips or tiles that they point to."""

    fields: Directory
    blocks: Sequence[memoryview]

    def __getitem__(self, tag: int) -> int:
        """Return the first number of a tag, or what it is by default."""
        return self.numbers(tag)[0]

    def numbers(self, tag: int) -> Tuple[int, ...]:
        """Return all numbers of a tag."""
        usual = (_USUAL.get(tag, 1),)
        return (self.fields[tag].numbers or usual) if tag in self.fields else usual

    @property
    def order(self) -> str:
        """Return the byte order."""
        return self.fields[tags.WIDTH].order

    @property
    def dtype(self) -> str:
        """Return the type of a sample of whole bytes, as numpy calls it."""
        letter = "f" if tags.FLOAT in self.numbers(tags.SAMPLE_FORMAT) else "u"
        return f"{self.order}{letter}{self[tags.BITS] // 8}"

    @property
    def colours(self) -> int:
        """Return how many samples of a pixel an edit changes."""
        return _COLOURS.get(self[tags.PHOTOMETRIC], 0)

    @property
    def planes(self) -> int:
        """Return how many parts, one after another, hold the channels."""
        return self[tags.CHANNELS] if self[tags.PLANAR] == 2 else 1

    @property
    def is_bilevel(self) -> bool:
        """Return whether there is only black and white, which every edit keeps."""
        return self[tags.BITS] == self[tags.CHANNELS] == 1 and self[tags.PHOTOMETRIC] < tags.RGB

    @property
    def block_size(self) -> Tuple[int, int]:
        """Return the width and the height of a strip or of a tile."""
        if tags.TILE_WIDTH in self.fields:
            return self[tags.TILE_WIDTH], self[tags.TILE_ROWS]
        rows = self[tags.STRIP_ROWS] if tags.STRIP_ROWS in self.fields else self[tags.HEIGHT]
        return self[tags.WIDTH], min(rows, self[tags.HEIGHT])

    def check(self) -> int:
        """Return how many pixels of 32 bits take as much memory; refuse what cannot be kept."""
        width, height, (across, down) = self[tags.WIDTH], self[tags.HEIGHT], self.block_size
        if not (width and height and across and down and self[tags.CHANNELS]):
            raise ValueError("a page of it has no pixels")
        weight = max(1, self[tags.BITS] * self[tags.CHANNELS] // 32)
        if not self.is_bilevel:
            self._check_samples()
        count = -(-width // across) * -(-height // down) * self.planes
        if len(self.blocks) < count or not all(map(len, self.blocks[:count])):
            raise ValueError("it is damaged or incomplete")
        return weight * (width * height + across * down)

    def _check_samples(self) -> None:
        kind, channels, coding = self[tags.PHOTOMETRIC], self[tags.CHANNELS], self[tags.COMPRESSION]
        formats, bits = set(self.numbers(tags.SAMPLE_FORMAT)), sorted(set(self.numbers(tags.BITS)))
        is_float, is_mixed = tags.FLOAT in formats, len(formats) > 1 or len(bits) > 1
        depths = (16, 32, 64) if is_float else (1, 2, 4, 8, 16)
        is_known, name = coding in CODINGS and self.colours, "JPEG" if coding in _JPEG else coding
        is_premultiplied = self[tags.EXTRA] == 1 and channels > self.colours
        depth, floats = " and ".join(map(str, bits)), "floating-point numbers"
        for applies, reason in (
            (formats - _FORMATS, "its samples are signed or complex numbers"),
            (is_mixed or bits[0] not in depths, f"it has samples of {depth} bits"),
            (bits[0] < 8 and channels > 1, f"it has {channels} channels of {bits[0]} bits"),
            (not is_known, f"its pixels are unusual (compression {name}, colours {kind})"),
            (channels < self.colours, "it has fewer channels than its colours need"),
            (self[tags.PREDICTOR] > DIFFERENCES, f"its predictor is that of {floats}"),
            (is_float and kind not in _PLAIN, f"it has {floats}, but not of plain grey or RGB"),
            (kind == tags.CMYK and self[tags.INK_SET] != 1, "its inks are not those of CMYK"),
            (is_premultiplied, "its colours are multiplied by its alpha: save it without that"),
        ):
            if applies:
                raise ValueError(reason)
