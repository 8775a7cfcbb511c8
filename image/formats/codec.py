"""Bytes to image and back, safely: the format is kept, and nothing is lost without a word."""

import struct
from dataclasses import dataclass
from typing import Callable, Dict, List, Tuple

from PIL import _imaging as core

from image.formats import bmp, gif, jpeg, png, webp
from image.formats.limits import DEFAULT_LIMITS, Limits
from image.formats.tiff import document as tiff
from image.operations.table import Edit

Process = Callable[[bytes, Edit, Limits, Callable[[str], None]], bytes]

_SIGNATURES: Tuple[Tuple[str, int, bytes], ...] = (
    ("JPEG", 0, b"\xff\xd8\xff"),
    ("PNG", 0, png.SIGNATURE),
    ("WebP", 8, b"WEBP"),
    ("TIFF", 0, b"II*\0"),
    ("TIFF", 0, b"MM\0*"),
    ("TIFF", 0, b"II+\0"),
    ("TIFF", 0, b"MM\0+"),
    ("GIF", 0, b"GIF8"),
    ("BMP", 0, b"BM"),
)
_PROCESSES: Dict[str, Process] = {
    "JPEG": jpeg.process,
    "PNG": png.process,
    "WebP": webp.process,
    "TIFF": tiff.process,
    "GIF": gif.process,
    "BMP": bmp.process,
}
_MEGABYTE = 1 << 20


@dataclass(frozen=True)
class Result:
    """A processed image, its format, and a sentence about each thing that could not be kept."""

    data: bytes
    format: str
    remarks: Tuple[str, ...] = ()

    @property
    def content_type(self) -> str:
        """Give the media type of the format."""
        return f"image/{self.format.lower()}"


def process(data: bytes, edit: Edit, limits: Limits = DEFAULT_LIMITS) -> Result:
    """Decode an image, apply an edit, and encode it as it was.

    What cannot be processed is refused by ValueError, with a sentence that says why.
    """
    if not data:
        raise ValueError("the file is empty")
    kind = detect_format(data)
    remarks: List[str] = []
    try:
        limits.check_bytes(len(data))
        result = _PROCESSES[kind](data, edit, limits, remarks.append)
    except ValueError as error:
        raise ValueError(f"this {kind} image cannot be processed: {error}") from error
    except Exception as error:  # Pillow raises nearly any kind at damaged images
        raise ValueError(f"this {kind} image cannot be processed: {_reason(error)}") from error
    return Result(result, kind, tuple(dict.fromkeys(remarks)))


def detect_format(data: bytes) -> str:
    """Name the format of an image by its first bytes, whatever the file is called."""
    for kind, start, signature in _SIGNATURES:
        if data.startswith(signature, start):
            return kind
    raise ValueError("this is not a JPEG, PNG, WebP, TIFF, GIF or BMP image")


def reuse_memory(megabytes: int) -> None:
    """Let Pillow keep so much freed memory for the next image, which saves a third of the time."""
    if hasattr(core, "set_blocks_max"):
        core.set_block_size(_MEGABYTE)  # the blocks of strips then fit those of whole images
        core.set_blocks_max(megabytes)


def _reason(error: Exception) -> str:
    if isinstance(error, MemoryError):
        return "there is not enough memory for it"
    if isinstance(error, (IndexError, KeyError, struct.error)) or not str(error):
        return "it is damaged or incomplete"
    return f"it is damaged, incomplete or of a rare kind ({error})"
