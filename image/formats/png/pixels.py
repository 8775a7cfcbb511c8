"""Pixels of a PNG file: decoded by Pillow, sixteen bits whole, in strips of rows or all at once."""

import zlib
from struct import unpack
from typing import Any, Iterable, Iterator, List, Optional, Tuple

from PIL import Image

from image.formats.png.chunks import COLOUR, GREY, GREY_ALPHA, PALETTE, Frame, Header, Layout
from image.formats.strips import PIECE, open_decoder
from image.operations.levels import DEEP_WHITE

_BLOCK = 65535  # the longest stored block (RFC 1951, 3.2.4)


class Pixels:
    """The pixels of a frame, in one image of Pillow's, or in two that hold high and low bytes.

    Attributes:
        key: the level or the colour that is transparent, or nothing
    """

    def __init__(self, layout: Layout, frame: Frame) -> None:
        self.header = header = frame.header
        self.key: Tuple[int, ...] = ()
        self._pieces: Optional[Iterable[bytes]] = (part.content for part in frame.data)
        self._mode, self._raw_modes = _modes(header)
        self._images = [Image.new(self._mode, header[:2], None) for _ in self._raw_modes]
        transparency = layout.first(b"tRNS")
        if header.color == PALETTE:
            # Past the end of a palette other decoders see black.
            self._images[0].putpalette(layout.first(b"PLTE").ljust(768, b"\0"))
            if transparency:
                self._images[0].info["transparency"] = transparency.ljust(256, b"\xff")
        elif len(transparency) == {GREY: 2, COLOUR: 6}.get(header.color):
            levels = unpack(f">{len(transparency) // 2}H", transparency)
            self.key = tuple(level & ((1 << header.depth) - 1) for level in levels)

    def decode(self) -> Iterator[int]:
        """Decode, and tell again and again how many rows are there; a second time there are all."""
        pieces, self._pieces = self._pieces, None
        if pieces:
            options = [(raw_mode, bool(self.header.interlaced)) for raw_mode in self._raw_modes]
            pairs = list(zip(self._images, options))
            decoders = [open_decoder(image, "zip", *each) for image, each in pairs]
            if None not in decoders:
                yield from self._feed(decoders, pieces)
            else:
                stream = b"".join(pieces)
                for image, each in pairs:
                    image.frombytes(stream, "zip", *each)
        yield self.header.height

    def decoded(self) -> "Pixels":
        """Decode to the end."""
        for _ in self.decode():
            pass
        return self

    def _feed(self, decoders: List[Any], pieces: Iterable[bytes]) -> Iterator[int]:
        """Inflate once, for both decoders, which get what they need as stored blocks."""
        done, start = 0, b"\x78\x01"
        for block in inflate(self.header, pieces):
            done += len(block)
            size = len(block).to_bytes(2, "little")
            stored = b"".join((start, b"\0", size, bytes(255 - each for each in size), block))
            for decoder in decoders:
                used, error = decoder.decode(stored)
                if error or 0 <= used < len(stored):
                    raise ValueError("its pixels are damaged")
            start = b""
            if not self.header.interlaced:
                yield done // (1 + self.header.stride)

    def whole(self) -> Any:
        """Decode, and give an image, or of sixteen bits an array of rows, columns and channels."""
        self.decoded()
        return self.levels() if self.header.depth == 16 else self.image()

    def image(self, top: int = 0, bottom: Optional[int] = None) -> Image.Image:
        """Give rows of at most eight bits; a transparent level or colour becomes alpha."""
        rows = self._crop(self._images[0], top, bottom)
        if not self.key:
            return rows
        scale = 255 // ((1 << self.header.depth) - 1)
        key = tuple(level * scale for level in self.key)
        rows = rows.convert("L") if rows.mode == "1" else rows
        rows.info["transparency"] = key if len(key) == 3 else key[0]
        return rows.convert("RGBA" if rows.mode == "RGB" else "LA")

    def levels(self, top: int = 0, bottom: Optional[int] = None) -> Any:
        """Give rows of sixteen bits: an array of rows, columns and channels."""
        import numpy as np

        first, *second = (np.asarray(self._crop(image, top, bottom)) for image in self._images)
        if second:
            levels = first.astype("u2") << 8
            levels |= second[0]
        else:
            levels = first.view(">u2") if self._mode == "RGBA" else first[..., None]
        if not self.key:
            return levels.astype("u2")
        seen = (levels != np.array(self.key)).any(axis=2, keepdims=True)
        return np.concatenate((levels, seen * np.uint16(DEEP_WHITE)), axis=2).astype("u2")

    def _crop(self, image: Image.Image, top: int, bottom: Optional[int]) -> Image.Image:
        return image if bottom is None else image.crop((0, top, image.width, bottom))


def inflate(header: Header, pieces: Iterable[bytes]) -> Iterator[bytes]:
    """Inflate what the rows take, in blocks; refuse a stream that is damaged or ends before."""
    stream, left = zlib.decompressobj(), header.raw_size
    for start, piece in ((at, each) for each in pieces for at in range(0, len(each), PIECE)):
        rest = piece[start : start + PIECE]
        while rest and left >= 0 and not stream.eof:
            block = stream.decompress(rest, min(_BLOCK, left) or 1)
            rest, left = stream.unconsumed_tail, left - len(block)
            if block and left >= 0:
                yield block
    if left > 0:
        raise ValueError("it ends too early")


def _modes(header: Header) -> Tuple[str, Tuple[str, ...]]:
    """Give the mode of Pillow's that holds the pixels, and how each image unpacks them."""
    depth, color = header.depth, header.color
    if color == PALETTE:
        return "P", ("P" if depth == 8 else f"P;{depth}",)
    if color == GREY:
        modes = {1: ("1", "1"), 8: ("L", "L"), 16: ("I;16", "I;16B")}
        mode, raw_mode = modes.get(depth, ("L", f"L;{depth}"))
        return mode, (raw_mode,)
    if color == GREY_ALPHA:
        return ("LA", ("LA",)) if depth == 8 else ("RGBA", ("RGBA",))
    mode = "RGB" if color == COLOUR else "RGBA"
    return mode, (mode,) if depth == 8 else (f"{mode};16B", f"{mode};16L")
