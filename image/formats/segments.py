"""Segments: the parts of a JPEG file, each with its marker (ITU-T T.81, B.1.1)."""

import re
from typing import Iterator, NamedTuple

START_OF_IMAGE, END_OF_IMAGE, START_OF_SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
SEQUENTIAL = (0xC0, 0xC1)
JFIF = (0xE0, b"JFIF\0")
_ADOBE = (0xEE, b"Adobe")
_SEGMENT = re.compile(rb"\xff+([\x01-\xfe])(..)", re.DOTALL)
_MOST_SEGMENTS = 10_000


class Segment(NamedTuple):
    """A part of a file: its marker, and all its bytes with marker and length."""

    marker: int
    raw: memoryview

    @property
    def name(self) -> bytes:
        """Give the first bytes of the content, which name it in application data."""
        return bytes(self.raw[4:9])

    @property
    def is_metadata(self) -> bool:
        """Tell application data and comments from what the pixels need to be decoded."""
        if (self.marker, self.name) in (JFIF, _ADOBE):
            return False
        return 0xE0 <= self.marker <= 0xEF or self.marker == 0xFE

    @property
    def is_directory(self) -> bool:
        """Tell the directory of further pictures, none of which is kept."""
        return self.marker == 0xE2 and self.name.startswith(b"MPF\0")


def split(data: bytes) -> Iterator[Segment]:
    """Give each segment with its marker; the last is the first scan and all that follows."""
    view, position = memoryview(data), len(START_OF_IMAGE)
    for _ in range(_MOST_SEGMENTS):
        match = _SEGMENT.match(data, position)
        if not match:
            raise ValueError("it is damaged before its first scan")
        marker, start = match[1][0], match.start(1) - 1
        if marker == START_OF_SCAN:
            yield Segment(marker, view[start:])
            return
        position = match.end(1) + int.from_bytes(match[2], "big")
        yield Segment(marker, view[start:position])
    raise ValueError(f"it has more than {_MOST_SEGMENTS:,} segments")
