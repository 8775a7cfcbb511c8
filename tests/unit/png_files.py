"""PNG files written and read by pypng, which shares no code with the code under test."""

from io import BytesIO
from typing import Any, List, Tuple

import numpy as np
import png

KINDS = [
    *[({"greyscale": True}, depth) for depth in (1, 2, 4, 8, 16)],
    *[({"greyscale": False}, depth) for depth in (8, 16)],
    *[({"greyscale": True, "alpha": True}, depth) for depth in (8, 16)],
    *[({"greyscale": False, "alpha": True}, depth) for depth in (8, 16)],
    *[({"palette": True}, depth) for depth in (1, 2, 4, 8)],
]
Kind = Tuple[Any, int]


def values(kind: Kind, width: int, height: int, seed: int = 1) -> Any:
    """Return rows of random values, with runs, extremes, and full or no alpha in places."""
    options, depth = kind
    planes = (1 if options.get("greyscale", True) else 3) + bool(options.get("alpha"))
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 2**depth, (height, width, planes))
    pixels[: height // 2, : width // 2] = pixels[0, 0]
    if options.get("alpha"):
        pixels[:, : width // 3, -1] = random.choice([0, 2**depth - 1], (height, width // 3))
    return pixels


def written(kind: Kind, pixels: Any, transparent: bool = False, **more: Any) -> bytes:
    """Encode values; of those that can be, some are transparent."""
    options, depth = dict(kind[0], bitdepth=kind[1]), kind[1]
    if options.pop("palette", False):
        random, alphas = np.random.default_rng(2), (4,) if transparent else (3,)
        options["palette"] = [
            tuple(map(int, random.integers(0, 256, *alphas))) for _ in range(2**depth)
        ]
    elif transparent and not options.get("alpha"):
        key = tuple(map(int, pixels[0, 0]))
        options["transparent"] = key if len(key) == 3 else key[0]
    buffer = BytesIO()
    writer = png.Writer(pixels.shape[1], pixels.shape[0], **options, **more)
    writer.write(buffer, pixels.reshape(len(pixels), -1).tolist())
    return buffer.getvalue()


def shown(data: bytes) -> Tuple[Any, int]:
    """Decode to red, green, blue and alpha; return them and the level of white."""
    width, height, rows, about = png.Reader(bytes=data).asDirect()
    pixels = np.array([list(row) for row in rows], int).reshape(height, width, about["planes"])
    white = 2 ** about["bitdepth"] - 1
    colours = pixels[..., :3] if about["planes"] > 2 else pixels[..., [0, 0, 0]]
    alpha = pixels[..., -1:] if about["alpha"] else np.full_like(pixels[..., :1], white)
    return np.concatenate((colours, alpha), axis=2), white


def chunks(data: bytes) -> List[Tuple[bytes, bytes]]:
    """Return the names and contents of all chunks."""
    return [(bytes(name), bytes(body)) for name, body in png.Reader(bytes=data).chunks()]
