"""Directories of a TIFF file, read within bounds before anything is decoded, and written anew."""

from struct import calcsize, error, pack, unpack_from
from typing import Callable, Dict, Iterable, Iterator, List, NamedTuple, Sequence, Tuple

from image.formats.limits import Limits
from image.formats.tiff import tags

SHORT, LONG = 3, 4
_INNER = (34665, 34853, 40965)  # EXIF, GPS and interoperability
_SIZES = {1: 1, 2: 1, SHORT: 2, LONG: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8, 13: 4}
_CODES = {1: "B", SHORT: "H", LONG: "I", 5: "I", 13: "I"}


class Field(NamedTuple):
    """What a tag says: the type and the bytes as in the file, or a directory of its own."""

    kind: int
    raw: bytes
    inner: Sequence["Directory"] = ()

    def numbers(self, order: str) -> Tuple[int, ...]:
        """Give the value as whole numbers, or none where it is of another type."""
        if self.kind not in _CODES:
            return ()
        code = _CODES[self.kind]
        return unpack_from(f"{order}{len(self.raw) // calcsize(code)}{code}", self.raw)


def field(order: str, kind: int, *numbers: int) -> Field:
    """Make a field of whole numbers."""
    return Field(kind, pack(f"{order}{len(numbers)}{_CODES[kind]}", *numbers))


Directory = Dict[int, Field]


def read(
    data: bytes, limits: Limits, remark: Callable[[str], object] = str
) -> Tuple[str, List[Directory]]:
    """Give the byte order and the directories of all pages; say so if there are damaged ones.

    All that they point to, taken together, is in the file: nothing is counted twice.
    """
    order = "<" if data[:1] == b"I" else ">"
    return order, list(_Reader(data, order).pages(limits, remark))


class _Reader:
    def __init__(self, data: bytes, order: str) -> None:
        self.data, self.order, self.left = data, order, len(data)

    def pages(self, limits: Limits, remark: Callable[[str], object]) -> Iterator[Directory]:
        (offset,), count = unpack_from(self.order + "I", self.data.ljust(8, b"\0"), 4), 0
        while offset or not count:
            limits.check_frames(count + 1)
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
            self._claim_pixels(directory)
            yield directory

    def _claim(self, size: int) -> None:
        self.left -= size
        if self.left < 0:
            raise ValueError("its parts overlap, or are longer than the file")

    def _claim_pixels(self, directory: Directory) -> None:
        for offsets, counts in (tags.STRIPS, tags.TILES):
            if offsets in directory and counts in directory:
                starts, sizes = (directory[tag].numbers(self.order) for tag in (offsets, counts))
                self._claim(sum(sizes))
                if any(start + size > len(self.data) for start, size in zip(starts, sizes)):
                    raise ValueError("it ends too early")

    def _read(self, start: int) -> Tuple[Directory, int]:
        directory: Directory = {}
        (fields,) = unpack_from(self.order + "H", self.data, start)
        self._claim(2 + 12 * fields)
        for position in range(start + 2, start + 2 + 12 * fields, 12):
            tag, kind, count = unpack_from(self.order + "HHI", self.data, position)
            size, place = count * _SIZES.get(kind, 0), position + 8
            if size > 4:
                (place,) = unpack_from(self.order + "I", self.data, place)
                self._claim(size)
            raw = self.data[place : place + size]
            if len(raw) < size:
                raise ValueError("it ends too early")
            inner = [self._read(*unpack_from(self.order + "I", raw))[0]] if tag in _INNER else []
            directory.setdefault(tag, Field(kind, raw, inner))
        (following,) = unpack_from(self.order + "I", self.data, start + 2 + 12 * fields)
        return directory, following


def write(order: str, pages: Iterable[Tuple[Directory, List[bytes]]]) -> bytes:
    """Give a file of pages, each a directory and the strips that it is to point to."""
    result = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4))
    link = 4
    for directory, strips in pages:
        offsets = []
        for strip in strips:
            offsets.append(len(result))
            result += strip + bytes(len(strip) % 2)
        places = field(order, LONG, *offsets), field(order, LONG, *map(len, strips))
        names = tags.TILES if tags.TILE_WIDTH in directory else tags.STRIPS
        start = _append(result, order, {**directory, **dict(zip(names, places))})
        result[link : link + 4] = pack(order + "I", start)
        link = len(result) - 4
    return bytes(result)


def _append(result: bytearray, order: str, directory: Directory) -> int:
    """Append a directory after all that it points to, and give its place."""
    entries = []
    for tag, (kind, raw, inner) in sorted(directory.items()):
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
