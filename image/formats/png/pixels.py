"""Pixels of a PNG file: decoded by Pillow, sixteen bits whole, and returned as arrays."""

import zlib
from collections import deque
from itertools import tee, zip_longest
from struct import unpack
from typing import Any, Dict, Iterable, Iterator, Tuple

from PIL import Image

from image.formats.png import chunks
from image.formats.png.chunks import COLOUR, COLOUR_ALPHA, GREY, GREY_ALPHA, PALETTE, Header
from image.formats.strips import cut, decode, in_pieces

_BLOCK = 65535  # the longest stored block (RFC 1951, 3.2.4)
_ROWS = 64  # of a whole picture at a time
# The mode of the images that hold the pixels, and how each unpacks them: of two, the first takes
# the high bytes and the second the low ones.
_MODES: Dict[Tuple[int, int], Tuple[str, ...]] = {
    (GREY, 8): ("L", "L"),
    (GREY, 16): ("I;16", "I;16B"),
    (GREY_ALPHA, 8): ("LA", "LA"),
    (GREY_ALPHA, 16): ("RGBA", "RGBA"),
    (COLOUR, 8): ("RGB", "RGB"),
    (COLOUR, 16): ("RGB", "RGB;16B", "RGB;16L"),
    (COLOUR_ALPHA, 8): ("RGBA", "RGBA"),
    (COLOUR_ALPHA, 16): ("RGBA", "RGBA;16B", "RGBA;16L"),
}


class Pixels:
    """The pixels of a frame.

    Attributes:
        decoded: yields how many rows are there; iterating over it is what decodes
        key: the level or the colour that is transparent, or nothing
    """

    def __init__(self, layout: chunks.Layout, frame: chunks.Frame) -> None:
        self.header = header = frame.header
        shallow = "P", "P" if header.depth == 8 else f"P;{header.depth}"
        mode, *raw_modes = _MODES.get((header.color, header.depth), shallow)
        self._images = [Image.new(mode, header[:2], None) for _ in raw_modes]
        self.decoded = self._decode(raw_modes, (part.content for part in frame.data))
        transparency = layout.first(b"tRNS")
        has_key = len(transparency) == {GREY: 2, COLOUR: 6}.get(header.color)
        levels = unpack(f">{len(transparency) // 2}H", transparency) if has_key else ()
        self.key = tuple(level & ((1 << header.depth) - 1) for level in levels)
        self._palette = _palette(layout.first(b"PLTE"), transparency)

    def strips(self) -> Iterator[Any]:
        """Decode, and yield all rows, some at a time."""
        deque(self.decoded, 0)
        for strip in cut(range(self.header.height), _ROWS):
            yield self.rows(strip.start, strip.stop)

    def whole(self) -> Any:
        """Decode, and return all rows; afterwards there are none to take."""
        import numpy as np

        strips = list(self.strips())
        self._images.clear()
        return np.concatenate(strips)

    def rows(self, top: int, bottom: int) -> Any:
        """Return rows that are decoded: an array of rows, columns and channels, of 8 or 16 bits."""
        import numpy as np

        width, _, depth, color, _ = self.header
        levels, *low = (np.asarray(each.crop((0, top, width, bottom))) for each in self._images)
        if color == PALETTE:
            return self._palette.take(levels, axis=0)
        if low:
            levels = levels.astype("u2") << 8 | low[0]
        elif depth == 16 and color == GREY_ALPHA:
            levels = levels.view(">u2").astype("u2")
        levels, white = levels.reshape(bottom - top, width, -1), (1 << depth) - 1
        if self.key:
            seen = (levels != np.array(self.key)).any(axis=2, keepdims=True)
            levels = np.concatenate((levels, (seen * white).astype(levels.dtype)), axis=2)
        return levels * np.uint8(255 // white) if depth < 8 else levels

    def _decode(self, raw_modes: Iterable[str], pieces: Iterable[bytes]) -> Iterator[int]:
        """Inflate once, for one or two decoders, which get what they need as stored blocks."""
        interlaced, done = bool(self.header.interlaced), 0
        blocks, *streams = tee(inflate(self.header, pieces), 1 + len(self._images))
        decoding = [
            decode(image, "zip", (raw_mode, interlaced), _stored(stream))
            for image, raw_mode, stream in zip(self._images, raw_modes, streams)
        ]
        for block, *_ in zip_longest(blocks, *decoding):
            done += len(block or b"")
            yield 0 if interlaced else done // (1 + self.header.stride)


def inflate(header: Header, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Inflate what the rows take, in blocks; refuse a stream that is damaged or ends before."""
    stream, left = zlib.decompressobj(), header.raw_size
    for rest in in_pieces(pieces):
        while rest and left >= 0 and not stream.eof:
            block = stream.decompress(rest, min(_BLOCK, left) or 1)
            rest, left = stream.unconsumed_tail, left - len(block)
            if block and left >= 0:
                yield block
    if left > 0:
        raise ValueError("it ends too early")


def _stored(blocks: Iterable[bytes]) -> Iterator[bytes]:
    start = b"\x78\x01"
    for block in blocks:
        size = len(block).to_bytes(2, "little")
        yield b"".join((start, b"\0", size, bytes(255 - each for each in size), block))
        start = b""


def _palette(colours: bytes, transparency: bytes) -> Any:
    """Return the colour of each index; past the end of a palette other decoders see black."""
    import numpy as np

    table = np.frombuffer(colours[:768].ljust(768, b"\0"), "u1").reshape(256, 3)
    alpha = np.frombuffer(transparency[:256].ljust(256, b"\xff"), "u1").reshape(256, 1)
    return np.concatenate((table, alpha), axis=1) if transparency else table
