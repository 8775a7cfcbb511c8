"""Segments: the parts of a JPEG file, each of the kind its marker says (ITU-T T.81, B.1)."""

import re
from typing import Iterable, Iterator

from image.formats.parts import Part

START_OF_IMAGE, END_OF_IMAGE = b"\xff\xd8", b"\xff\xd9"
START_OF_SCAN, SCAN, HUFFMAN_TABLES = b"\xda", b"", b"\xc4"
PROGRESSIVE, ARITHMETIC = (b"\xc2", b"\xca"), (b"\xc9", b"\xca")
FRAME = (b"\xc0", b"\xc1", *PROGRESSIVE, *ARITHMETIC)
JFIF, ADOBE = (b"\xe0", b"JFIF\0"), (b"\xee", b"Adobe")
XMP = (b"\xe1", b"http://ns.adobe.com/xap/1.0/\0")
_MARKER = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
_MOST_STRAY = 1 << 16
_HEAD = 4  # bytes of a marker and a length


def walk(data: bytes) -> Iterator[Part]:
    """Yield each segment up to the end mark; after the header of a scan follows what is coded.

    Between segments there may be some stray bytes, which decoders skip.
    """
    position, kind = len(START_OF_IMAGE), b""
    while kind != END_OF_IMAGE[1:]:
        most = len(data) if kind == START_OF_SCAN else position + _MOST_STRAY
        match = _MARKER.search(data, position, most)
        if not match or match[1] == START_OF_IMAGE[1:]:
            raise ValueError("it ends too early, or is damaged between its segments")
        if kind == START_OF_SCAN:
            yield Part(data, SCAN, position, match.start())
        kind, position = match[1], match.end()
        if kind != END_OF_IMAGE[1:]:
            position += int.from_bytes(data[position : position + 2], "big")
        yield Part(data, kind, match.start(), position, _HEAD)


def wrap(kind: bytes, body: bytes) -> bytes:
    """Return a segment of that content."""
    return b"".join((b"\xff", kind, (2 + len(body)).to_bytes(2, "big"), body))


def is_named(part: Part, kind: bytes, *names: bytes) -> bool:
    """Return whether a segment is application data of that marker and one of these names."""
    return part.kind == kind and part.file.startswith(names, part.start + _HEAD)


def first(parts: Iterable[Part], kind: bytes, *names: bytes) -> bytes:
    """Return the content of the first such segment, or nothing."""
    return next((part.content for part in parts if is_named(part, kind, *names)), b"")


def is_metadata(part: Part) -> bool:
    """Return whether a segment says something about the picture that its pixels do not need."""
    is_needed = is_named(part, *JFIF) or is_named(part, *ADOBE)
    return not is_needed and (b"\xe0" <= part.kind <= b"\xef" or part.kind == b"\xfe")
