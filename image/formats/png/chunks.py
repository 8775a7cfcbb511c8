"""Chunks: the parts of a PNG file, and the frames that they hold (PNG, third edition)."""

import zlib
from struct import pack, unpack_from
from typing import Iterator, List, NamedTuple

from image.formats.limits import Limits
from image.formats.parts import Part, listed

SIGNATURE = b"\x89PNG\r\n\x1a\n"
GREY, COLOUR, PALETTE, GREY_ALPHA, COLOUR_ALPHA = 0, 2, 3, 4, 6
_CHECKED = b"IHDR PLTE tRNS acTL fcTL".split()
_CHANNELS = {GREY: 1, COLOUR: 3, PALETTE: 1, GREY_ALPHA: 2, COLOUR_ALPHA: 4}
_DEPTHS = {GREY: (1, 2, 4, 8, 16), PALETTE: (1, 2, 4, 8)}
_PASSES = (  # of interlacing: the first column and row, and the steps
    *((0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4)),
    *((0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)),
)


class Header(NamedTuple):
    """The size and the kind of the pixels of a file or a frame."""

    width: int
    height: int
    depth: int
    color: int
    interlaced: int = 0

    @property
    def pixel_bits(self) -> int:
        """Return the bits of a pixel."""
        return _CHANNELS[self.color] * self.depth

    @property
    def stride(self) -> int:
        """Return the bytes of a row."""
        return -(-self.width * self.pixel_bits // 8)

    @property
    def raw_size(self) -> int:
        """Return the bytes of all rows, each with its filter type, in every pass there is."""
        size = 0
        for left, top, across, down in _PASSES if self.interlaced else ((0, 0, 1, 1),):
            width, height = -((left - self.width) // across), -((top - self.height) // down)
            size += height * (1 - -width * self.pixel_bits // 8) if width > 0 else 0
        return size


class Frame(NamedTuple):
    """A still or a part of an animation, with the place and content of what says how to show it."""

    header: Header
    start: int
    control: bytes
    data: List[Part]


class Layout(NamedTuple):
    """What a file holds: all its chunks, and of these the frames."""

    data: bytes
    header: Header
    parts: List[Part]
    frames: List[Frame]

    @property
    def has_end(self) -> bool:
        """Return whether it ends with its mark."""
        return self.parts[-1].kind == b"IEND" and self.parts[-1].end <= len(self.data)

    def first(self, kind: bytes) -> bytes:
        """Return the content of the first chunk of a kind, or nothing."""
        return next((part.content for part in self.parts if part.kind == kind), b"")


def wrap(kind: bytes, content: bytes) -> bytes:
    """Return a chunk of that content."""
    checksum = zlib.crc32(content, zlib.crc32(kind))
    return b"".join((pack(">I", len(content)), kind, content, pack(">I", checksum)))


def walk(data: bytes) -> Iterator[Part]:
    """Yield each chunk up to the end mark; the last may be cut off.

    The content of pixels is without the number of the chunk.
    """
    position, kind = len(SIGNATURE), b""
    while kind != b"IEND" and position + 8 <= len(data):
        length, kind = unpack_from(">I4s", data, position)
        head = 12 if kind == b"fdAT" else 8
        yield Part(data, kind, position, position + 12 + length, head, 4)
        position += 12 + length


def read(data: bytes, limits: Limits) -> Layout:
    """Find the chunks and the frames of a file that is within the limits."""
    parts = listed(walk(data))
    for part in parts:
        if part.kind in _CHECKED and part.raw != wrap(part.kind, part.content):
            raise ValueError("a chunk of it is damaged or incomplete")
    if not parts or parts[0].kind != b"IHDR" or parts[0].end != 33:
        raise ValueError("it does not begin with a header")
    width, height, depth, color, *rest = unpack_from(">IIBBBBB", data, 16)
    known = depth in _DEPTHS.get(color, (8, 16)) and color in _CHANNELS
    if not known or not width * height or rest not in ([0, 0, 0], [0, 0, 1]):
        raise ValueError("its header says what no PNG image can be")
    header = Header(width, height, depth, color, rest[2])
    layout = Layout(data, header, parts, _frames(header, parts))
    if color == PALETTE and not layout.first(b"PLTE"):
        raise ValueError("it has no palette")
    shown = sum(bool(frame.control) for frame in layout.frames)
    if not layout.has_end and shown < int.from_bytes(layout.first(b"acTL")[:4], "big"):
        raise ValueError("it ends too early")
    limits.check_frames(len(layout.frames))
    limits.check_pixels(width * height * len(layout.frames))
    if header.pixel_bits > 32:
        limits.check_whole(width * height)  # since it takes two images
    return layout


def _frames(header: Header, parts: List[Part]) -> List[Frame]:
    """Group the chunks of pixels; those before the first control chunk are a still."""
    frames: List[Frame] = []
    for part in parts:
        if part.kind == b"fcTL":
            frames.append(Frame(_sized(header, part.content), part.start, part.content, []))
        elif part.kind == b"IDAT" or (part.kind == b"fdAT" and frames):
            frames = frames or [Frame(header, 0, b"", [])]
            if part.kind == b"IDAT" and frames[-1].header != header:
                raise ValueError("its first frame is not the whole picture")
            frames[-1].data.append(part)
    if not frames or not all(frame.data for frame in frames):
        raise ValueError("it ends too early")
    return frames


def _sized(header: Header, control: bytes) -> Header:
    if len(control) != 26:
        raise ValueError("a chunk of it is damaged or incomplete")
    width, height, left, top = unpack_from(">4I", control, 4)
    if not width * height or left + width > header.width or top + height > header.height:
        raise ValueError("a frame of it reaches beyond the picture")
    return header._replace(width=width, height=height)
