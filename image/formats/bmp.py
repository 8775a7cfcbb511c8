"""BMP: pixels and resolution, which is nearly all there is."""

from io import BytesIO
from typing import Callable

from image.formats.frames import edit_frames, load_frames
from image.formats.limits import Limits, open_image
from image.operations.table import Edit

_HEADER_WITH_PROFILE = 124
_PROFILE_SIZE = slice(130, 134)


def process(data: bytes, edit: Edit, limits: Limits, remark: Callable[[str], None]) -> bytes:
    """Apply an edit to a BMP file; keep its mode and resolution."""
    image = open_image(data, "BMP", limits)
    if data[14] >= _HEADER_WITH_PROFILE and any(data[_PROFILE_SIZE]):
        remark("The colour profile, which Pillow does not read from BMP, was left out.")
    options = {"dpi": image.info["dpi"]} if "dpi" in image.info else {}
    (frame,) = edit_frames(edit, load_frames(image), remark)
    frame.info, buffer = {}, BytesIO()
    frame.save(buffer, "BMP", **options)
    return buffer.getvalue()
