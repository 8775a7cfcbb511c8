"""JPEG: metadata go from source to result untouched, pixels through Pillow."""

from typing import Any, Callable, Dict, List, cast

from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from image.formats.limits import Limits, open_image
from image.formats.segments import (
    END_OF_IMAGE,
    JFIF,
    SEQUENTIAL,
    START_OF_IMAGE,
    START_OF_SCAN,
    Segment,
    split,
)
from image.formats.strips import encode
from image.operations.table import Edit

_ARITHMETIC = (0xC9, 0xCA, 0xCB, 0xCD, 0xCE, 0xCF)


def process(data: bytes, edit: Edit, limits: Limits, remark: Callable[[str], None]) -> bytes:
    """Apply an edit to a JPEG file; keep its tables, subsampling and metadata."""
    segments = list(split(data))
    _check_scans(segments, data, limits)
    _remark_losses(segments, data, remark)
    needed = [segment.raw for segment in segments if not segment.is_metadata]
    picture = b"".join((START_OF_IMAGE, *needed))
    image = cast(JpegImageFile, open_image(picture, "JPEG", limits))
    options = _options(image, remark)
    image.load()
    kept = [each.raw for each in segments if each.is_metadata and not each.is_directory]
    result = encode(image, edit.effect([image]), extra=b"".join(kept), **options)
    return _with_density(result, segments)


def _check_scans(segments: List[Segment], data: bytes, limits: Limits) -> None:
    """Count the scans, unless the first holds all components of a file without progression."""
    components = [each.raw[9] for each in segments if each.marker in SEQUENTIAL]
    if components != [segments[-1].raw[4]]:
        limits.check_scans(data.count(bytes((0xFF, START_OF_SCAN))))


def _remark_losses(segments: List[Segment], data: bytes, remark: Callable[[str], None]) -> None:
    if any(segment.marker in _ARITHMETIC for segment in segments):
        remark("The arithmetic coding became Huffman coding.")
    if any(segment.is_directory for segment in segments):
        remark("Only the first picture was kept: further pictures or a gain map were left out.")
    elif not data.endswith(END_OF_IMAGE):
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


def _with_density(result: bytes, segments: List[Segment]) -> bytes:
    """Copy the density of the source, whatever its unit, into a result that has one."""
    if result[6:11] == b"JFIF\0":
        for segment in segments:
            if (segment.marker, segment.name) == JFIF and segment.raw[11:16] != result[13:18]:
                return result[:13] + bytes(segment.raw[11:16]) + result[18:]
    return result
