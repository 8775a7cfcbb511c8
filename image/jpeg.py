"""JPEG: metadata go from source to result untouched, pixels through Pillow."""

import re
import tempfile
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, cast

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from image.limits import Limits, open_image
from image.operations import Edit

_SEGMENT = re.compile(rb"\xff+([\x01-\xfe])(..)", re.DOTALL)
_START_OF_IMAGE, _END_OF_IMAGE, _START_OF_SCAN = b"\xff\xd8", b"\xff\xd9", 0xDA
_SEQUENTIAL = (0xC0, 0xC1)
_ARITHMETIC = (0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)
_JFIF, _ADOBE = (0xE0, b"JFIF\0"), (0xEE, b"Adobe")
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
        if (self.marker, self.name) in (_JFIF, _ADOBE):
            return False
        return 0xE0 <= self.marker <= 0xEF or self.marker == 0xFE

    @property
    def is_directory(self) -> bool:
        """Tell the directory of further pictures, none of which is kept."""
        return self.marker == 0xE2 and self.name.startswith(b"MPF\0")


def process(data: bytes, edit: Edit, limits: Limits, remark: Callable[[str], None]) -> bytes:
    """Apply an edit to a JPEG file; keep its tables, subsampling and metadata."""
    segments = list(_segments(data))
    _check_scans(segments, data, limits)
    _remark_losses(segments, data, remark)
    needed = [segment.raw for segment in segments if not segment.is_metadata]
    picture = b"".join((_START_OF_IMAGE, *needed))
    image = cast(JpegImageFile, open_image(picture, "JPEG", limits))
    options = _options(image, remark)
    image.load()
    kept = [each.raw for each in segments if each.is_metadata and not each.is_directory]
    result = _encode(edit.apply([image])[0], extra=b"".join(kept), **options)
    return _with_density(result, segments)


def _segments(data: bytes) -> Iterator[Segment]:
    """Give each segment with its marker; the last is the first scan and all that follows."""
    view, position = memoryview(data), len(_START_OF_IMAGE)
    for _ in range(_MOST_SEGMENTS):
        match = _SEGMENT.match(data, position)
        if not match:
            raise ValueError("it is damaged before its first scan")
        marker, start = match[1][0], match.start(1) - 1
        if marker == _START_OF_SCAN:
            yield Segment(marker, view[start:])
            return
        position = match.end(1) + int.from_bytes(match[2], "big")
        yield Segment(marker, view[start:position])
    raise ValueError(f"it has more than {_MOST_SEGMENTS:,} segments")


def _check_scans(segments: List[Segment], data: bytes, limits: Limits) -> None:
    """Count the scans, unless the first holds all components of a file without progression."""
    components = [each.raw[9] for each in segments if each.marker in _SEQUENTIAL]
    if components != [segments[-1].raw[4]]:
        limits.check_scans(data.count(bytes((0xFF, _START_OF_SCAN))))


def _remark_losses(segments: List[Segment], data: bytes, remark: Callable[[str], None]) -> None:
    if any(segment.marker in _ARITHMETIC for segment in segments):
        remark("The arithmetic coding became Huffman coding.")
    if any(segment.is_directory for segment in segments):
        remark("Only the first picture was kept: further pictures or a gain map were left out.")
    elif not data.endswith(_END_OF_IMAGE):
        remark("What follows the end of the picture was left out.")


def _options(image: JpegImageFile, remark: Callable[[str], None]) -> Dict[str, Any]:
    subsampling = get_sampling(image)
    if image.mode == "RGB" and subsampling not in (0, 1, 2):
        remark("The chroma subsampling, which Pillow cannot write, became 4:4:4.")
        subsampling = 0
    return {
        "qtables": image.quantization,
        "subsampling": subsampling,
        "progressive": bool(image.info.get("progressive")),
        "keep_rgb": image.mode == "RGB" and image.info.get("adobe_transform") == 0,
    }


def _encode(image: Image.Image, **options: Any) -> bytes:
    with tempfile.TemporaryFile() as file:  # Pillow holds the GIL while it encodes into memory
        image.save(file, "JPEG", **options)
        file.seek(0)
        return file.read()


def _with_density(result: bytes, segments: List[Segment]) -> bytes:
    """Copy the density of the source, whatever its unit, into a result that has one."""
    if result[6:11] == b"JFIF\0":
        for segment in segments:
            if (segment.marker, segment.name) == _JFIF and segment.raw[11:16] != result[13:18]:
                return result[:13] + bytes(segment.raw[11:16]) + result[18:]
    return result
