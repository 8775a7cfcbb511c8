"""Segments: the parts of a JPEG file, each of the kind its marker says (ITU-T T.81, B.1)."""

import re
from typing import Iterable, Iterator, List, NamedTuple

from image.formats.parts import Part

START_OF_IMAGE, END_OF_IMAGE = b"\xff\xd8", b"\xd9"
START_OF_SCAN, HUFFMAN_TABLES = b"\xda", b"\xc4"
SEQUENTIAL, PROGRESSIVE = (b"\xc0", b"\xc1", b"\xc9"), (b"\xc2", b"\xca")
ARITHMETIC = (b"\xc9", b"\xca")
JFIF, ADOBE = (b"\xe0", b"JFIF\0"), (b"\xee", b"Adobe")
XMP = (b"\xe1", b"http://ns.adobe.com/xap/1.0/\0")
_MARKER = re.compile(rb"\xff([\x02-\xcf\xd8-\xfe])")
_MOST_STRAY = 1 << 16
_HEAD = 4  # bytes of a marker and a length


class Component(NamedTuple):
    """A component of a frame: its name, its sampling factors, and which table quantises it."""

    name: int
    sampling: int
    table: int


def walk(data: bytes) -> Iterator[Part]:
    """Give each segment up to the end mark; a scan ends at the next marker.

    Between segments there may be some stray bytes, which decoders skip.
    """
    position, count, kind = len(START_OF_IMAGE), 0, b""
    while kind != END_OF_IMAGE:
        match = _MARKER.search(data, position, position + _MOST_STRAY)
        if not match or match[1] == START_OF_IMAGE[1:]:
            raise ValueError("it ends too early, or is damaged between its segments")
        kind, start = match[1], match.start()
        position = match.end()
        if kind != END_OF_IMAGE:
            position += int.from_bytes(data[position : position + 2], "big")
        if kind in SEQUENTIAL:
            count = data[start + 9]
        if kind == START_OF_SCAN:
            position = _scan_end(data, position, is_only=count == data[start + 4])
        yield Part(data, kind, start, position, _HEAD)


def _scan_end(data: bytes, start: int, is_only: bool) -> int:
    if is_only:  # several times faster than to look for any marker
        end = data.find(b"\xff" + END_OF_IMAGE, start)
    else:
        match = _MARKER.search(data, start)
        end = match.start() if match else -1
    if end < 0:
        raise ValueError("it ends too early")
    return end


def wrap(kind: bytes, body: bytes) -> bytes:
    """Make a segment of its content."""
    return b"".join((b"\xff", kind, (2 + len(body)).to_bytes(2, "big"), body))


def components(parts: Iterable[Part]) -> List[Component]:
    """List the components of a frame as its header tells them (ITU-T T.81, B.2.2)."""
    header = next(part.content for part in parts if part.kind in SEQUENTIAL + PROGRESSIVE)
    return [Component(*header[start : start + 3]) for start in range(6, 6 + 3 * header[5], 3)]


def is_named(part: Part, kind: bytes, *names: bytes) -> bool:
    """Tell whether a segment is application data of that marker and one of these names."""
    return part.kind == kind and part.file.startswith(names, part.start + _HEAD)


def is_metadata(part: Part) -> bool:
    """Tell application data and comments from what the pixels need to be decoded."""
    is_needed = is_named(part, *JFIF) or is_named(part, *ADOBE)
    return not is_needed and (b"\xe0" <= part.kind <= b"\xef" or part.kind == b"\xfe")
