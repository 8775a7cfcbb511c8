"""Pillow: decodes and encodes the formats for us, and decides nothing by itself."""

from io import BytesIO
from typing import Any, Optional

from PIL import Image, UnidentifiedImageError

from image.formats.limits import Limits


def open_image(data: bytes, kind: str, limits: Optional[Limits] = None) -> Image.Image:
    """Open an image of the format given without decoding it, if it is within the limits."""
    Image.MAX_IMAGE_PIXELS = None  # ours count all frames, and replace Pillow's own
    try:
        image = Image.open(BytesIO(data), formats=[kind])
    except UnidentifiedImageError as error:
        raise ValueError("it is damaged, or of a kind that Pillow cannot read") from error
    if limits:
        limits.check_pixels(image.width * image.height)
    return image


def decode(data: bytes, kind: str) -> Image.Image:
    """Open an image that is known to be within the limits, and decode its first frame."""
    image = open_image(data, kind)
    image.load()
    return image


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode an image with these options alone, whatever its source said of itself."""
    image.info, buffer = {}, BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
