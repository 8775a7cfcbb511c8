"""Pictures: test images of any size, the same on each run."""

import random
import struct
import zlib
from pathlib import Path
from typing import Any, Dict

from scripts.benchmarks.process import ROOT

OPTIONS: Dict[str, Dict[str, Any]] = {
    ".jpg": {"quality": 90, "subsampling": "4:2:0"},
    ".webp": {"quality": 90},
    ".tif": {
        "compression": "tiff_lzw",
        "tiffinfo": {317: 2},
    },  # with horizontal differencing, as usual
}
_TILE = 500  # pixels


def write(path: Path, megapixels: float, kind: str = "photo") -> Path:
    """Write a colour picture with an aspect ratio of 4:3; return its path."""
    from PIL import Image

    height = max(1, round((megapixels * 1e6 * 3 / 4) ** 0.5))
    picture = Image.new("RGB", (max(1, round(megapixels * 1e6 / height)), height), "white")
    (_paste if "photo" in kind else _draw)(picture, random.Random(1), kind)
    if kind == "16-bit photo":
        _write_deep(path, picture)
    else:
        picture.save(path, **OPTIONS.get(path.suffix, {}))
    return path


def _paste(picture: Any, chance: random.Random, _: str) -> None:
    """Fill the picture with tiles of noisy detail, so that no encoder has it too easy."""
    tiles = [_tile(chance) for _ in range(8)]
    for top in range(0, picture.height, _TILE):
        for left in range(0, picture.width, _TILE):
            picture.paste(chance.choice(tiles), (left, top))


def _tile(chance: random.Random) -> Any:
    """Return a piece of the Moon, rotated and tinted, with a camera's grain."""
    from PIL import Image, ImageChops

    with Image.open(ROOT / "image" / "Moon.jpg") as source:
        grey = source.convert("L").resize((2 * _TILE, 2 * _TILE))
    left, top = chance.randrange(_TILE), chance.randrange(_TILE)
    piece = grey.crop((left, top, left + _TILE, top + _TILE)).rotate(90 * chance.randrange(4))
    grain = Image.effect_noise((_TILE, _TILE), 24)
    factors = [chance.uniform(0.6, 1.4) for _ in "RGB"]
    bands = [piece.point([min(255, round(level * by)) for level in range(256)]) for by in factors]
    return Image.merge("RGB", [ImageChops.add(band, grain, 2, 0) for band in bands])


def _draw(picture: Any, chance: random.Random, kind: str) -> None:
    """Draw overlapping windows of text, or shapes in few colours."""
    from PIL import ImageDraw

    draw = ImageDraw.Draw(picture)
    for _ in range(40):
        left, top = chance.randrange(picture.width), chance.randrange(picture.height)
        size, colour = chance.randrange(50, 800), chance.choice(("#0072b2", "#d55e00", "#345"))
        if kind == "drawing":
            draw.ellipse((left, top, left + size, top + size), colour, "black", 3)
            continue
        draw.rectangle((left, top, left + 700, top + 500), "#fafafa", "#888888")
        draw.rectangle((left, top, left + 700, top + 24), colour)
        for line in range(34, 480, 18):
            words = " ".join("word" * chance.randrange(1, 4) for _ in range(chance.randrange(8)))
            draw.text((left + 10, top + line), words, "black")


def _write_deep(path: Path, picture: Any) -> None:
    """Write a 16-bit PNG as from a 12-bit camera, which Pillow cannot do."""
    import numpy as np

    grain = np.random.default_rng(1).integers(0, 256, (*picture.size[::-1], 3), np.uint16)
    deep = (np.asarray(picture, np.uint16) << 8 | grain & 0xF0).astype(">u2")
    rows = zlib.compress(b"".join(b"\0" + row.tobytes() for row in deep), 1)
    head = struct.pack(">IIBBBBB", *picture.size, 16, 2, 0, 0, 0)
    with path.open("wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n")
        for chunk in (b"IHDR" + head, b"IDAT" + rows, b"IEND"):
            file.write(struct.pack(">I", len(chunk) - 4) + chunk)
            file.write(struct.pack(">I", zlib.crc32(chunk)))
