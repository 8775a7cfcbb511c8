"""Pillow: opens, decodes and encodes the formats for us, and decides nothing by itself."""

from io import BytesIO
from typing import Any

from PIL import Image, UnidentifiedImageError

from image.formats.limits import Limits


def open_image(data: bytes, kind: str, limits: Limits) -> Image.Image:
    """Open an image of the format given without decoding it, if it is within the limits."""
    Image.MAX_IMAGE_PIXELS = None  # the limit below counts all frames, and replaces Pillow's own
    try:
        image = Image.open(BytesIO(data), formats=[kind])
    except UnidentifiedImageError as error:
        raise ValueError("it is damaged, or of a kind that Pillow cannot read") from error
    frames = int(getattr(image, "n_frames", 1))
    limits.check_frames(frames)
    limits.check_pixels(image.width * image.height * frames)
    return image


def decode(data: bytes, kind: str, limits: Limits) -> Image.Image:
    """Open an image, and decode its first frame."""
    image = open_image(data, kind, limits)
    image.load()
    return image


def encode(image: Image.Image, kind: str, **options: Any) -> bytes:
    """Encode an image with these options alone, whatever its source said of itself."""
    image.info, buffer = {}, BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
