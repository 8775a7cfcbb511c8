"""Animated PNG files made of frames, and the pictures they show by the specification."""

from typing import Any, List, NamedTuple

import numpy as np

from tests.unit.pictures import chunk
from tests.unit.png_files import Kind, chunks, shown, written


class Frame(NamedTuple):
    """A frame: its position, its pixels as rows of values, its disposal and blending."""

    left: int
    top: int
    pixels: Any
    dispose: int
    blend: int


def animated(kind: Kind, frames: List[Frame], transparent: bool, still: bool = False) -> bytes:
    """Return an animation of the frames; with `still` the first is a fallback, not part of it."""
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
    """Return the pictures of an animation by the specification, with levels from 0 to 1."""
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
