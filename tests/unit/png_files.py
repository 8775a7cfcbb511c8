"""PNG files made and read by pypng, which shares nothing with the code under test."""

from io import BytesIO
from typing import Any, List, NamedTuple, Tuple

import numpy as np
import png

from tests.unit.pictures import chunk

KINDS = [
    *[({"greyscale": True}, depth) for depth in (1, 2, 4, 8, 16)],
    *[({"greyscale": False}, depth) for depth in (8, 16)],
    *[({"greyscale": True, "alpha": True}, depth) for depth in (8, 16)],
    *[({"greyscale": False, "alpha": True}, depth) for depth in (8, 16)],
    *[({"palette": True}, depth) for depth in (1, 2, 4, 8)],
]
Kind = Tuple[Any, int]


class Frame(NamedTuple):
    """A frame: its place, its pixels as values in rows, its disposal and its blending."""

    left: int
    top: int
    pixels: Any
    dispose: int
    blend: int


def values(kind: Kind, width: int, height: int, seed: int = 1) -> Any:
    """Make random values in rows, with runs, extremes, and full or no alpha here and there."""
    options, depth = kind
    planes = (1 if options.get("greyscale", True) else 3) + bool(options.get("alpha"))
    random = np.random.default_rng(seed)
    pixels = random.integers(0, 2**depth, (height, width, planes))
    pixels[: height // 2, : width // 2] = pixels[0, 0]
    if options.get("alpha"):
        pixels[:, : width // 3, -1] = random.choice([0, 2**depth - 1], (height, width // 3))
    return pixels


def written(kind: Kind, pixels: Any, transparent: bool = False, **more: Any) -> bytes:
    """Write values; of those that can be, some are transparent."""
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
    """Decode into red, green, blue and alpha, and give the level of white."""
    width, height, rows, about = png.Reader(bytes=data).asDirect()
    pixels = np.array([list(row) for row in rows], int).reshape(height, width, about["planes"])
    white = 2 ** about["bitdepth"] - 1
    colours = pixels[..., :3] if about["planes"] > 2 else pixels[..., [0, 0, 0]]
    alpha = pixels[..., -1:] if about["alpha"] else np.full_like(pixels[..., :1], white)
    return np.concatenate((colours, alpha), axis=2), white


def chunks(data: bytes) -> List[Tuple[bytes, bytes]]:
    """List the names and the contents of all chunks."""
    return [(bytes(name), bytes(body)) for name, body in png.Reader(bytes=data).chunks()]


def animated(kind: Kind, frames: List[Frame], transparent: bool, still: bool = False) -> bytes:
    """Join frames to an animation; with `still` the first is shown only by other viewers."""
    result, number = [b"\x89PNG\r\n\x1a\n"], 0
    for index, (left, top, pixels, dispose, blend) in enumerate(frames):
        parts = chunks(written(kind, pixels, transparent, chunk_limit=40))
        if not index:
            result += [chunk(*part) for part in parts if part[0] in (b"IHDR", b"PLTE", b"tRNS")]
            result.append(chunk(b"acTL", (len(frames) - still).to_bytes(4, "big") + bytes(4)))
        if index or not still:
            sizes = (number, pixels.shape[1], pixels.shape[0], left, top)
            control = b"".join(size.to_bytes(4, "big") for size in sizes)
            result.append(chunk(b"fcTL", control + b"\0\1\0\x1e" + bytes((dispose, blend))))
            number += 1
        for body in (body for name, body in parts if name == b"IDAT"):
            if not index:
                result.append(chunk(b"IDAT", body))
                continue
            result.append(chunk(b"fdAT", number.to_bytes(4, "big") + body))
            number += 1
    return b"".join([*result, chunk(b"IEND", b"")])


def composed(data: bytes) -> List[Any]:
    """Compose the pictures of an animation by the specification, of levels from 0 to 1."""
    parts = chunks(data)
    setup = [chunk(*part) for part in parts if part[0] in (b"PLTE", b"tRNS")]
    header, control, stream = parts[0][1], b"", b""
    pictures: List[Any] = []
    canvas = np.zeros((int.from_bytes(header[4:8], "big"), int.from_bytes(header[:4], "big"), 4))
    for name, body in [*parts, (b"fcTL", b"")]:
        if name == b"IDAT":
            stream += body
        elif name == b"fdAT":
            stream += body[4:]
        elif name == b"fcTL":
            if control:
                sized = chunk(b"IHDR", control[4:12] + header[8:])
                file = [
                    b"\x89PNG\r\n\x1a\n",
                    sized,
                    *setup,
                    chunk(b"IDAT", stream),
                    chunk(b"IEND", b""),
                ]
                canvas = _show(canvas, control, b"".join(file), pictures)
            control, stream = body, b""
    return pictures


def _show(canvas: Any, control: bytes, file: bytes, pictures: List[Any]) -> Any:
    width, height, left, top = (
        int.from_bytes(control[at : at + 4], "big") for at in (4, 8, 12, 16)
    )
    pixels, white = shown(file)
    frame = pixels / white
    before, area = canvas.copy(), (slice(top, top + height), slice(left, left + width))
    for row, column in np.ndindex(height, width) if control[25] else ():
        upper, lower = frame[row, column], before[top + row, left + column]
        alpha = upper[3] + lower[3] * (1 - upper[3])
        colours = upper[:3] * upper[3] + lower[:3] * lower[3] * (1 - upper[3])
        frame[row, column] = [*(colours / alpha if alpha else colours), alpha]
    canvas[area] = frame
    pictures.append(canvas.copy())
    if control[24] == 1:
        canvas[area] = 0
    return before if control[24] == 2 else canvas
