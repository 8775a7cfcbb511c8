"""Bytes to image and back, safely: the format is kept, and nothing is lost without a word."""

import re
import struct
from typing import Callable, Dict, List, NamedTuple, Tuple

from PIL import _imaging as core

from image.formats import avif, bmp, gif, jpeg, png, tiff, webp
from image.formats.limits import DEFAULT_LIMITS, Limits
from image.operations.table import Edit

Process = Callable[[bytes, Edit, Limits, Callable[[str], None]], bytes]

_FORMATS: Dict[str, Tuple[bytes, Process]] = {  # by signature
    "JPEG": (rb"\xff\xd8\xff", jpeg.process),
    "PNG": (rb"\x89PNG\r\n\x1a\n", png.process),
    "WebP": (rb"RIFF....WEBP", webp.process),
    "TIFF": (rb"II[*+]\0|MM\0[*+]", tiff.process),
    "GIF": (rb"GIF8[79]a", gif.process),
    "BMP": (rb"BM.{12}[\x0c\x28\x34\x38\x40\x6c\x7c]\0\0\0", bmp.process),
    "AVIF": (rb".{4}ftyp(avi[fs]|mi[fa][1f].{4,60}avi[fs])", avif.process),
}
_HEIC_SIGNATURE = rb".{4}ftyp(he[iv][a-z]|mi[fa]1|msf1)"
_HEIC = "this is an iPhone's HEIC: save it as JPEG, or share it with the option Most Compatible"


class Result(NamedTuple):
    """A processed image, its format, and a sentence about each thing that could not be kept."""

    data: bytes
    format: str
    remarks: Tuple[str, ...] = ()

    @property
    def content_type(self) -> str:
        """Return the media type of the format."""
        return f"image/{self.format.lower()}"


def process(data: bytes, edit: Edit, limits: Limits = DEFAULT_LIMITS) -> Result:
    """Decode an image, apply an edit, and encode it as it was.

    What cannot be processed is refused by a ValueError that says why; faults of the machine pass.
    """
    kind = detect_format(data)
    remarks: List[str] = []
    try:
        limits.check_bytes(len(data))
        result = _FORMATS[kind][1](data, edit, limits, remarks.append)
    except Exception as error:  # Pillow raises nearly any kind at damaged images
        if _is_of_machine(error):
            raise
        raise ValueError(f"this {kind} image cannot be processed: {_reason(error)}") from error
    return Result(result, kind, tuple(dict.fromkeys(remarks)))


def detect_format(data: bytes) -> str:
    """Return the format of an image by its first bytes, whatever the file is called."""
    if not data:
        raise ValueError("the file is empty")
    for kind, (signature, _) in _FORMATS.items():
        if re.match(signature, data, re.DOTALL):
            return kind
    if re.match(_HEIC_SIGNATURE, data, re.DOTALL):
        raise ValueError(_HEIC)
    *most, last = _FORMATS
    raise ValueError(f"this is not a {', '.join(most)} or {last} image")


def reuse_memory(megabytes: int) -> None:
    """Let Pillow keep so much freed memory for the next image, which saves a third of the time."""
    bytes(31 << 20)  # glibc keeps twice as much as the largest block that it has freed so far
    core.set_block_size(1 << 20)  # the blocks of strips then fit those of whole images
    core.set_blocks_max(megabytes)


def _is_of_machine(error: Exception) -> bool:
    """Return whether the machine is at fault, as with a full disk, so that another try may help."""
    no_thread = isinstance(error, RuntimeError) and "new thread" in str(error)
    has_number = getattr(error, "errno", None) is not None
    return no_thread or has_number or isinstance(error, (ImportError, MemoryError))


def _reason(error: Exception) -> str:
    if isinstance(error, ValueError) and str(error):
        return str(error)
    if isinstance(error, (IndexError, KeyError, struct.error)) or not str(error):
        return "it is damaged or incomplete"
    return f"it is damaged, incomplete or of a rare kind ({error})"
