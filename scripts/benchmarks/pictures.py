"""Pictures: test images of any size, made of the one that comes with the programs."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

from scripts.benchmarks.process import ROOT

SOURCE = ROOT / "image" / "Moon.jpg"
QUALITY = 90
_TILE = 500


def write(path: Path, megapixels: float, **options: Any) -> Path:
    """Write a colour picture of three by four with so many pixels, the same each time.

    It is a mosaic of turned, tinted and grained tiles, so that no encoder has it too easy.
    """
    from PIL import Image

    height = max(1, round((megapixels * 1e6 * 3 / 4) ** 0.5))
    width = max(1, round(megapixels * 1e6 / height))
    picture = Image.new("RGB", (width, height))
    chance = random.Random(1)
    tiles = [_tile(chance) for _ in range(8)]
    for top in range(0, height, _TILE):
        for left in range(0, width, _TILE):
            picture.paste(chance.choice(tiles), (left, top))
    if path.suffix == ".jpg":
        options = {"quality": QUALITY, "subsampling": "4:2:0", **options}
    picture.save(path, **options)
    return path


def _tile(chance: random.Random) -> Any:
    """Cut, turn and tint a piece of the source, with grain as of a camera."""
    from PIL import Image, ImageChops

    with Image.open(SOURCE) as source:
        grey = source.convert("L").resize((2 * _TILE, 2 * _TILE))
    left, top = chance.randrange(_TILE), chance.randrange(_TILE)
    piece = grey.crop((left, top, left + _TILE, top + _TILE)).rotate(90 * chance.randrange(4))
    grain = Image.effect_noise((_TILE, _TILE), 24)
    bands = [piece.point(_scaled(chance.uniform(0.6, 1.4))) for _ in "RGB"]
    return Image.merge("RGB", [ImageChops.add(band, grain, 2, 0) for band in bands])


def _scaled(factor: float) -> Any:
    return [min(255, round(level * factor)) for level in range(256)]
