"""Pixels of a PNG file: decoded by Pillow, sixteen bits whole, and given as arrays of rows."""

import zlib
from collections import deque
from itertools import tee, zip_longest
from struct import unpack
from typing import Any, Iterable, Iterator, Tuple

from PIL import Image

from image.formats.png.chunks import COLOUR, GREY, GREY_ALPHA, PALETTE, Frame, Header, Layout
from image.formats.strips import decode

_BLOCK = 65535  # the longest stored block (RFC 1951, 3.2.4)
_ROWS = 64
_PIECE = 1 << 17  # bytes inflated at a time


class Pixels:
    """The pixels of a frame, in one image of Pillow's, or in two that hold high and low bytes.

    Attributes:
        decoded: yields how many rows are there; iterating over it is what decodes
    """

    def __init__(self, layout: Layout, frame: Frame) -> None:
        self.header = header = frame.header
        self.decoded = self._decode(part.content for part in frame.data)
        mode, self._raw_modes = _modes(header)
        self._images = [Image.new(mode, header[:2], None) for _ in self._raw_modes]
        transparency = layout.first(b"tRNS")
        self._key: Tuple[int, ...] = ()  # the level or the colour that is transparent
        if len(transparency) == {GREY: 2, COLOUR: 6}.get(header.color):
            levels = unpack(f">{len(transparency) // 2}H", transparency)
            self._key = tuple(level & ((1 << header.depth) - 1) for level in levels)
        self._table: Any = None
        if header.color == PALETTE:
            self._table = _palette(layout.first(b"PLTE"), transparency)
        elif header.depth < 8:
            self._table = _grey(header.depth, *self._key)

    @property
    def channels(self) -> int:
        """Return how many there are, with alpha if a colour is transparent."""
        if self._table is not None:
            return int(self._table.shape[1])
        return {GREY: 1, COLOUR: 3, GREY_ALPHA: 2}.get(self.header.color, 4) + bool(self._key)

    def strips(self) -> Iterator[Any]:
        """Decode, and yield all rows, some at a time."""
        deque(self.decoded, 0)
        for top in range(0, self.header.height, _ROWS):
            yield self.rows(top, min(top + _ROWS, self.header.height))

    def whole(self) -> Any:
        """Decode, and return all rows."""
        deque(self.decoded, 0)
        return self.rows(0, self.header.height)

    def rows(self, top: int, bottom: int) -> Any:
        """Return rows that are decoded: an array of rows, columns and channels, of 8 or 16 bits."""
        import numpy as np

        box = (0, top, self.header.width, bottom)
        levels, *low = (np.asarray(image.crop(box)) for image in self._images)
        if self._table is not None:
            return self._table.take(levels, axis=0, mode="clip")
        if low:
            levels = levels.astype("u2") << 8 | low[0]
        elif self.header.depth == 16 and self.header.color == GREY_ALPHA:
            levels = levels.view(">u2").astype("u2")
        levels = levels.reshape(bottom - top, self.header.width, -1)
        if self._key:
            seen = (levels != np.array(self._key)).any(axis=2, keepdims=True)
            white = np.iinfo(levels.dtype).max
            levels = np.concatenate((levels, (seen * white).astype(levels.dtype)), axis=2)
        return levels

    def _decode(self, pieces: Iterable[bytes]) -> Iterator[int]:
        interlaced = bool(self.header.interlaced)
        blocks, *streams = tee(inflate(self.header, pieces), 1 + len(self._images))
        decoding = [
            decode(image, "zip", (raw_mode, interlaced), _stored(stream))
            for image, raw_mode, stream in zip(self._images, self._raw_modes, streams)
        ]
        done = 0
        for block, *_ in zip_longest(blocks, *decoding):
            done += len(block or b"")
            yield 0 if interlaced else done // (1 + self.header.stride)


def inflate(header: Header, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Inflate what the rows take, in blocks; refuse a stream that is damaged or ends before."""
    stream, left = zlib.decompressobj(), header.raw_size
    for start, piece in ((at, each) for each in pieces for at in range(0, len(each), _PIECE)):
        rest = piece[start : start + _PIECE]
        while rest and left >= 0 and not stream.eof:
            block = stream.decompress(rest, min(_BLOCK, left) or 1)
            rest, left = stream.unconsumed_tail, left - len(block)
            if block and left >= 0:
                yield block
    if left > 0:
        raise ValueError("it ends too early")


def _stored(blocks: Iterable[bytes]) -> Iterator[bytes]:
    """Make a stream again of what is inflated, for a decoder that inflates it once more."""
    start = b"\x78\x01"
    for block in blocks:
        size = len(block).to_bytes(2, "little")
        yield b"".join((start, b"\0", size, bytes(255 - each for each in size), block))
        start = b""


def _modes(header: Header) -> Tuple[str, Tuple[str, ...]]:
    """Return the mode of Pillow's that holds the pixels, and how each image unpacks them."""
    depth, color = header.depth, header.color
    if color == PALETTE or depth < 8:
        return "P", ("P" if depth == 8 else f"P;{depth}",)
    if depth == 8:
        mode = {GREY: "L", GREY_ALPHA: "LA", COLOUR: "RGB"}.get(color, "RGBA")
        return mode, (mode,)
    if color == GREY:
        return "I;16", ("I;16B",)
    mode = "RGB" if color == COLOUR else "RGBA"
    return mode, (mode,) if color == GREY_ALPHA else (f"{mode};16B", f"{mode};16L")


def _palette(colours: bytes, transparency: bytes) -> Any:
    """Return the colour of each index; past the end of a palette other decoders see black."""
    import numpy as np

    table = np.frombuffer(colours[:768].ljust(768, b"\0"), "u1").reshape(256, 3)
    alpha = np.frombuffer(transparency[:256].ljust(256, b"\xff"), "u1").reshape(256, 1)
    return np.concatenate((table, alpha), axis=1) if transparency else table


def _grey(depth: int, *key: int) -> Any:
    """Return the level of each shallow one, with alpha if one is transparent."""
    import numpy as np

    levels = np.arange(1 << depth, dtype="u1")[:, None]
    alpha = np.where(np.isin(levels, key), 0, 255).astype("u1")
    levels = levels * np.uint8(255 // ((1 << depth) - 1))
    return np.concatenate((levels, alpha), axis=1) if key else levels
