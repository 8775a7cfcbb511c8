"""Frames: the pictures of a still, an animation or a document, decoded, edited, counted."""

from io import BytesIO
from typing import Callable, List, Sequence

from PIL import Image

from image.formats.limits import count_frames
from image.operations.table import Edit


def load_frames(image: Image.Image) -> List[Image.Image]:
    """Decode all frames; the only frame of a still is the image itself, to save a copy."""
    if count_frames(image) == 1:
        image.load()
        return [image]
    frames = []
    for number in range(count_frames(image)):
        image.seek(number)
        frames.append(image.copy())
    return frames


def edit_frames(
    edit: Edit, frames: Sequence[Image.Image], remark: Callable[[str], None]
) -> List[Image.Image]:
    """Apply an edit to all frames, and say so if it took their palette."""
    palettes = any(frame.mode in ("P", "PA") for frame in frames)
    results = edit.apply(frames)
    if palettes and not any(frame.mode in ("P", "PA") for frame in results):
        remark("The palette became levels of grey.")
    return results


def remark_joined(result: bytes, count: int, remark: Callable[[str], None]) -> None:
    """Say so if equal frames became one, which Pillow and libwebp do of themselves."""
    with Image.open(BytesIO(result)) as image:
        left = count_frames(image)
    if left < count:
        remark(f"Of {count} frames {left} are left: equal neighbours were joined.")
