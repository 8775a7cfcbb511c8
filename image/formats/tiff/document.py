"""TIFF: pages, their compression, and the tags that can be written without harm."""

import math
from io import BytesIO
from typing import IO, Any, Callable, Dict, List, cast

from PIL import Image
from PIL.TiffImagePlugin import AppendingTiffWriter, IFDRational, TiffImageFile
from PIL.TiffTags import lookup

from image.formats import directories
from image.formats.frames import edit_frames
from image.formats.limits import Limits, count_frames, open_image
from image.operations.table import Edit

_BITS, _PHOTOMETRIC, _ORIENTATION = 258, 262, 274
_WHITE_IS_ZERO = 0
_DEEP_MODES = ("I;16", "I;16B", "F")
_JPEG_QUALITY = 90
_TEXTS = (269, 270, 271, 272, 285, 305, 306, 315, 316, 33432)
_RESOLUTIONS, _RESOLUTION_UNIT, _XMP = (282, 283), 296, 700
_EXIF_AND_GPS, _INTEROPERABILITY = (34665, 34853), 40965
_IPTC_AND_PHOTOSHOP = (33723, 34377)
_LAYOUT = {
    *(254, 255, 256, 257, 258, 259, 262, 263, 266, 273, 274, 277, 278, 279, 280, 281, 284, 292),
    *(293, 317, 318, 319, 320, 322, 323, 324, 325, 338, 339, 347, 529, 530, 531, 532, 34675),
}


def process(data: bytes, edit: Edit, limits: Limits, remark: Callable[[str], None]) -> bytes:
    """Apply an edit to a TIFF file; keep its pages, compression, ICC profile and plain tags."""
    if not limits.tiff:
        raise ValueError("TIFF is switched off here")
    directories.check(data, limits)
    image = cast(TiffImageFile, open_image(data, "TIFF", limits))
    pages: List[Image.Image] = []
    options: List[Dict[str, Any]] = []
    for number in range(count_frames(image)):
        image.seek(number)
        _check_channels(image)
        options.append(_options(image, remark))
        pages.append(image.copy())  # a copy has no tags that Pillow would write unchecked
    image.close()
    return _encode(edit_frames(edit, pages, remark), options)


def _check_channels(image: TiffImageFile) -> None:
    """Refuse pixels that Pillow reads only in part, or the wrong way round."""
    bits = _tags(image).get(_BITS, (1,))
    if max(bits) > 8 and (image.mode not in _DEEP_MODES or bits[0] == 12):
        raise ValueError(f"Pillow does not read pixels of {sum(bits)} bits as they are")
    if len(bits) > len(image.getbands()):
        raise ValueError("it has more channels than Pillow reads")
    if image.mode in _DEEP_MODES and _tags(image).get(_PHOTOMETRIC) == _WHITE_IS_ZERO:
        raise ValueError("Pillow does not read 16-bit pixels where white is zero")


def _options(image: TiffImageFile, remark: Callable[[str], None]) -> Dict[str, Any]:
    compression = image.info.get("compression", "raw")
    tags = {tag: _value(image, tag) for tag in _tags(image) if tag not in _LAYOUT}
    left_out = [lookup(tag).name for tag, value in tags.items() if value is None]
    if left_out:
        remark(f"Tags that cannot be written safely were left out: {', '.join(left_out)}.")
    if _tags(image).get(_ORIENTATION, 1) != 1:
        remark("The pixels were turned upright, and the orientation tag was left out.")
    kept = {tag: value for tag, value in tags.items() if value is not None}
    options = {"compression": compression, "tiffinfo": kept}
    if "icc_profile" in image.info:
        options["icc_profile"] = image.info["icc_profile"]
    if compression in ("jpeg", "tiff_jpeg"):
        remark(f"The pixels were compressed again as JPEG of quality {_JPEG_QUALITY}.")
        options["quality"] = _JPEG_QUALITY
    return options


def _value(image: TiffImageFile, tag: int) -> Any:
    """Give the value of a tag as a plain type, or None where writing it could do harm.

    A type that libtiff does not expect crashes it, so it never gets to see those of the file.
    """
    alone = image.info.get("compression", "raw") == "raw" and count_frames(image) == 1
    if tag in _EXIF_AND_GPS:
        return _subdirectory(image, tag) if alone else None
    value = _tags(image)[tag]
    if tag in _TEXTS:
        return value if isinstance(value, str) and value.isascii() else None
    if tag in _RESOLUTIONS and isinstance(value, (int, float, IFDRational)):
        return float(value) if math.isfinite(value) and value > 0 else None
    if tag == _RESOLUTION_UNIT:
        return value if value in (1, 2, 3) else None
    if tag == _XMP or (tag in _IPTC_AND_PHOTOSHOP and alone):
        return value if isinstance(value, bytes) else None
    return None


def _tags(image: TiffImageFile) -> Any:
    return image.tag_v2


def _subdirectory(image: TiffImageFile, tag: int) -> Dict[int, Any]:
    fields = image.getexif().get_ifd(tag)
    return {each: value for each, value in fields.items() if each != _INTEROPERABILITY}


def _encode(pages: List[Image.Image], options: List[Dict[str, Any]]) -> bytes:
    buffer = BytesIO()
    for page in pages:
        page.info = {}
    if len(pages) == 1:
        pages[0].save(buffer, "TIFF", **options[0])
        return buffer.getvalue()
    with AppendingTiffWriter(buffer) as writer:
        for page, each in zip(pages, options):
            page.save(cast(IO[bytes], writer), "TIFF", **each)
            writer.newFrame()
    return buffer.getvalue()
