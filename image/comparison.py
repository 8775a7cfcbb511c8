"""Comparison: an image before and after, side by side with their histograms, as one picture."""

from io import BytesIO
from pathlib import Path
from typing import List

from PIL import Image, ImageDraw, ImageFont

SIDE = 480  # pixels of the longer side of each image
GAP = 16
HISTOGRAM = 120  # pixels of height
CAPTION, LETTERS = 32, 20  # pixels of height; smaller would be illegible at half the size
_PAPER, _INK, _FAINT = (255, 255, 255), (40, 40, 40), (224, 224, 224)


def compare(before: Path, after: Path, done: str, extension: str) -> bytes:
    """Return the picture, in the format that an extension names.

    What was `done` is the title of the second image, or its name if that is nothing.
    """
    panels = [_panel(before, before.name), _panel(after, done or after.name)]
    height = max(panel.height for panel in panels) + GAP * 2
    picture = Image.new("RGB", (2 * SIDE + 3 * GAP, height), _PAPER)
    for number, panel in enumerate(panels):
        picture.paste(panel, (GAP + number * (SIDE + GAP), GAP))
    buffer = BytesIO()
    picture.save(buffer, Image.registered_extensions()[extension.lower()])
    return buffer.getvalue()


def _panel(path: Path, title: str) -> Image.Image:
    """Draw one image with a caption above and its histogram below."""
    with Image.open(path) as source:
        size = f"{source.width} x {source.height}"
        source.draft("RGB", (SIDE, SIDE))
        image = _shallow(source).convert("RGB")
    image.thumbnail((SIDE, SIDE))
    panel = Image.new("RGB", (SIDE, CAPTION + SIDE + GAP + HISTOGRAM), _PAPER)
    _write(panel, title, size)
    panel.paste(image, ((SIDE - image.width) // 2, CAPTION + (SIDE - image.height) // 2))
    _draw_histogram(panel, image.convert("L").histogram(), CAPTION + SIDE + GAP)
    return panel


def _shallow(image: Image.Image) -> Image.Image:
    """Reduce deep images to 8 bits, of which Pillow would keep the wrong ones."""
    if image.mode[:1] not in ("I", "F"):
        return image
    import numpy as np

    levels = np.asarray(image) * 255.0 if image.mode == "F" else np.asarray(image) / 257.0
    return Image.fromarray(np.clip(levels + 0.5, 0, 255).astype("u1"))


def _write(panel: Image.Image, title: str, size: str) -> None:
    """Write a caption; the title is shortened to fit."""
    draw, font = ImageDraw.Draw(panel), ImageFont.load_default(LETTERS)
    title, rest = title.encode("latin-1", "replace").decode("latin-1"), f", {size}"
    while draw.textlength(title + rest, font) > SIDE:
        title, rest = title[:-1], f"..., {size}"
    draw.text((0, 0), title + rest, _INK, font)


def _draw_histogram(panel: Image.Image, counts: List[int], top: int) -> None:
    """Draw how often each level occurs, on a square-root scale that shows rare ones too.

    Black and white may be cut off, or a night sky would flatten everything else.
    """
    draw = ImageDraw.Draw(panel)
    bottom, highest = top + HISTOGRAM - 1, max(*counts[1:-1], 1) ** 0.5
    draw.rectangle((0, top, SIDE - 1, bottom), outline=_FAINT)
    for x in range(SIDE):
        height = counts[x * len(counts) // SIDE] ** 0.5 / highest * (HISTOGRAM - 4)
        draw.line((x, bottom, x, max(bottom - height, top)), fill=_INK)
