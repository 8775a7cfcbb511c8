"""Directories of a TIFF file, read within bounds before anything is decoded, and written anew."""

from struct import calcsize, error, pack, unpack_from
from typing import Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

from image.formats.parts import MOST_PARTS, Remark
from image.formats.tiff import tags

SHORT, LONG = 3, 4
_INNER = (34665, 34853, 40965)  # EXIF, GPS and interoperability
_SIZES = {1: 1, 2: 1, SHORT: 2, LONG: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_CODES = {1: "B", SHORT: "H", LONG: "I", 13: "I"}


class Field(NamedTuple):
    """What a tag says: the type and the bytes as in the file, or a directory of its own."""

    order: str
    kind: int
    raw: bytes
    inner: Sequence["Directory"] = ()

    @property
    def numbers(self) -> Tuple[int, ...]:
        """Return the value as whole numbers, or none where it is of another type."""
        if self.kind not in _CODES:
            return ()
        code = _CODES[self.kind]
        count = len(self.raw) // calcsize(code)
        if count > MOST_PARTS:
            raise ValueError(f"it has more than {MOST_PARTS:,} parts")
        return unpack_from(f"{self.order}{count}{code}", self.raw)


Directory = Dict[int, Field]
Parts = Tuple[Directory, Sequence[memoryview]]  # a page: its fields, and its strips or tiles


def field(order: str, kind: int, *numbers: int) -> Field:
    """Make a field of whole numbers."""
    return Field(order, kind, pack(f"{order}{len(numbers)}{_CODES[kind]}", *numbers))


class Reader:
    """Reads the pages of a file; all that they point to, taken together, is no longer than it."""

    def __init__(self, data: bytes) -> None:
        self.order = "<" if data[:1] == b"I" else ">"
        self._data, self._left = memoryview(data), len(data)

    def pages(self, remark: Remark) -> Iterator[Parts]:
        """Yield the pages; remark on those that are damaged, unless it is the first."""
        offset, count = int.from_bytes(self._data[4:8], "little" if self.order == "<" else "big"), 0
        while offset or not count:
            try:
                directory, offset = self._read(offset)
                if tags.WIDTH not in directory:
                    raise ValueError("it has no pixels")
            except (error, ValueError) as damage:
                if not count:
                    raise ValueError(f"its first page is damaged: {damage}") from damage
                remark(f"Only the pages up to number {count} were kept: the next is damaged.")
                return
            count += 1
            names = tags.TILES if tags.TILE_WIDTH in directory else tags.STRIPS
            starts, sizes = (directory[tag].numbers if tag in directory else () for tag in names)
            yield directory, list(map(self._cut, starts, sizes))

    def _cut(self, start: int, size: int) -> memoryview:
        self._left -= size
        if self._left < 0:
            raise ValueError("its parts overlap, or are longer than the file")
        if start + size > len(self._data):
            raise ValueError("it ends too early")
        return self._data[start : start + size]

    def _read(self, start: int) -> Tuple[Directory, int]:
        """Return the directory at a place, and where the next one is."""
        directory: Directory = {}
        (count,) = unpack_from(self.order + "H", self._data, start)
        entries = self._cut(start + 2, 12 * count)
        for position in range(0, len(entries), 12):
            tag, kind, count = unpack_from(self.order + "HHI", entries, position)
            size = count * _SIZES.get(kind, 0)
            raw = bytes(entries[position + 8 : position + 8 + min(size, 4)])
            if size > 4:
                raw = bytes(self._cut(unpack_from(self.order + "I", raw)[0], size))
            inner = [self._read(*unpack_from(self.order + "I", raw))[0]] if tag in _INNER else []
            directory.setdefault(tag, Field(self.order, kind, raw, inner))
        return directory, unpack_from(self.order + "I", self._data, start + 2 + len(entries))[0]


def write(order: str, pages: Iterable[Parts]) -> bytes:
    """Return a file of pages, each a directory and the strips or tiles that it is to point to."""
    result = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    link = 4
    for directory, blocks in pages:
        offsets = []
        for block in blocks:
            offsets.append(len(result))
            result += block
            result += bytes(len(block) % 2)
        places = field(order, LONG, *offsets), field(order, LONG, *map(len, blocks))
        names = tags.TILES if tags.TILE_WIDTH in directory else tags.STRIPS
        start = _append(result, order, {**directory, **dict(zip(names, places))})
        result[link : link + 4] = pack(order + "I", start)
        link = len(result) - 4
    return bytes(result)


def _append(result: bytearray, order: str, directory: Directory) -> int:
    """Append a directory after all that it points to, and return its place."""
    entries: List[bytes] = []
    for tag, (_, kind, raw, inner) in sorted(directory.items()):
        if inner:
            raw = pack(order + "I", _append(result, order, inner[0]))
        count = len(raw) // _SIZES.get(kind, 1)
        if len(raw) > 4:
            place = len(result)
            result += raw + bytes(len(raw) % 2)
            raw = pack(order + "I", place)
        entries.append(pack(order + "HHI", tag, kind, count) + raw.ljust(4, b"\0"))
    start = len(result)
    result += pack(order + "H", len(entries)) + b"".join(entries) + bytes(4)
    return start
