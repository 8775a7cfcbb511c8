"""Pillow: decodes and encodes the formats for us, and decides nothing by itself."""

from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError


def open_image(data: bytes, kind: str) -> Image.Image:
    """Open an image of the format given without decoding it."""
    Image.MAX_IMAGE_PIXELS = None  # our limits count all frames, and replace Pillow's own
    try:
        return Image.open(BytesIO(data), formats=[kind])
    except UnidentifiedImageError as error:
        raise ValueError("it is damaged, or of a kind that Pillow cannot read") from error


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
