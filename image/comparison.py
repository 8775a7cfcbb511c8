"""Comparison: an image before and after, side by side with their histograms, as one picture."""

from pathlib import Path
from typing import List

from PIL import Image, ImageDraw

SIDE = 480  # pixels of the longer side of each image
GAP = 16
HISTOGRAM = 120  # pixels of height
CAPTION = 24
_PAPER, _INK, _FAINT = (255, 255, 255), (40, 40, 40), (224, 224, 224)


def compare(before: Path, after: Path, target: Path) -> None:
    """Write the picture; its format follows the extension of `target`.

    Raises OSError or ValueError if it cannot be written.
    """
    panels = [_panel(before, "before"), _panel(after, "after")]
    width = sum(panel.width for panel in panels) + GAP * 3
    picture = Image.new("RGB", (width, max(panel.height for panel in panels) + GAP * 2), _PAPER)
    left = GAP
    for panel in panels:
        picture.paste(panel, (left, GAP))
        left += panel.width + GAP
    picture.save(target)


def _panel(path: Path, title: str) -> Image.Image:
    """Draw one image with a caption above and its histogram below."""
    with Image.open(path) as source:
        caption = f"{title}: {path.name}, {source.width} x {source.height}"
        source.draft("RGB", (SIDE, SIDE))
        image = source.convert("RGB")
    image.thumbnail((SIDE, SIDE))
    panel = Image.new("RGB", (SIDE, CAPTION + SIDE + GAP + HISTOGRAM), _PAPER)
    ImageDraw.Draw(panel).text((0, 4), caption.encode("latin-1", "replace").decode("latin-1"), _INK)
    panel.paste(image, ((SIDE - image.width) // 2, CAPTION + (SIDE - image.height) // 2))
    _draw_histogram(panel, image.convert("L").histogram(), CAPTION + SIDE + GAP)
    return panel


def _draw_histogram(panel: Image.Image, counts: List[int], top: int) -> None:
    """Draw how often each level occurs, on a square root scale that shows rare ones too.

    Black and white may be cut off: a night sky shall not flatten all else.
    """
    draw = ImageDraw.Draw(panel)
    bottom, highest = top + HISTOGRAM - 1, max(*counts[1:-1], 1) ** 0.5
    draw.rectangle((0, top, SIDE - 1, bottom), outline=_FAINT)
    for x in range(SIDE):
        height = counts[x * len(counts) // SIDE] ** 0.5 / highest * (HISTOGRAM - 4)
        draw.line((x, bottom, x, max(bottom - height, top)), fill=_INK)
