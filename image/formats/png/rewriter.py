"""Rewriter of PNG files: pixels are mapped and encoded anew, the other chunks stay in place."""

import zlib
from collections import deque
from struct import pack
from typing import Dict, Iterable, Iterator, Optional, Tuple

from image.formats.limits import Limits
from image.formats.parts import Part, Remark, remark_thumbnail
from image.formats.png import chunks, rows
from image.formats.png.chunks import GREY, GREY_ALPHA, PALETTE, Frame, Header, Layout, wrap
from image.formats.png.composer import compose
from image.formats.png.encoder import compress
from image.formats.png.pixels import Pixels, inflate
from image.formats.png.rows import Rows
from image.operations.levels import Curve
from image.operations.table import Edit, Effect

_KEPT = b"acTL fcTL cHRM gAMA sRGB iCCP cICP mDCV cLLI pHYs tEXt zTXt iTXt eXIf tIME sPLT".split()
_OF_PIXELS = b"IDAT fdAT tRNS PLTE bKGD hIST".split()  # kept while these stay as they are
_REPLACED = b"IDAT fdAT tRNS IEND".split()
_ALWAYS_SHOWN = bytes(2)  # disposal and blending of a frame that holds the whole picture

Changes = Dict[int, Iterable[bytes]]  # the chunks instead of one, by where it begins


def process(data: bytes, edit: Edit, limits: Limits, remark: Remark) -> bytes:
    """Apply an edit to a PNG file; keep its depth, frames and descriptive chunks."""
    layout = chunks.read(data, limits)
    still = Pixels(layout, layout.frames[0]) if len(layout.frames) == 1 else None
    pictures = still.strips() if still else (picture for _, picture in compose(layout))
    effect, header = edit.effect(pictures), layout.header
    changes: Changes = {}
    if isinstance(effect, Curve) and (header.color == PALETTE or header.depth == 1):
        changes = _map_palette(layout, effect)
    else:
        for frame, new in _edited(layout, still, effect, changes):
            _encode(frame, new, changes)
            header = new.header._replace(width=header.width, height=header.height)
    return b"".join(_assemble(layout, header, changes, remark))


def _edited(
    layout: Layout, still: Optional[Pixels], effect: Effect, changes: Changes
) -> Iterator[Tuple[Frame, Rows]]:
    """Yield the new rows of each frame, which may have to be those of the whole picture."""
    import numpy as np

    if isinstance(effect, Curve):
        for frame in layout.frames:
            yield frame, rows.mapped(still or Pixels(layout, frame), effect)
    elif still:
        yield layout.frames[0], rows.of(np.asarray(effect(still.whole())))
    else:
        for frame, picture in compose(layout):
            if frame.control:
                place = layout.data[16:24] + bytes(8)
                control = frame.control[:4] + place + frame.control[20:24] + _ALWAYS_SHOWN
                changes[frame.start] = [wrap(b"fcTL", control)]
            yield frame, rows.of(np.asarray(effect(picture)))


def _map_palette(layout: Layout, curve: Curve) -> Changes:
    """Map the palette in the bytes; of the pixels, which stay, see only that they are there."""
    if layout.frames[-1].data[-1].end > len(layout.data):
        raise ValueError("it ends too early")  # though its pixels may be there, not their checksum
    for frame in layout.frames:
        deque(inflate(frame.header, (part.content for part in frame.data)), 0)
    table = bytes(curve.table(255))
    return {
        part.start: [wrap(part.kind, part.content.translate(table))]
        for part in layout.parts
        if part.kind == b"PLTE"
    }


def _encode(frame: Frame, new: Rows, changes: Changes) -> None:
    """Encode a frame into as many chunks as it had, where these are numbered."""
    if frame.data[0].kind == b"IDAT":
        changes.update((part.start, ()) for part in frame.data)
        changes[frame.data[0].start] = [wrap(b"IDAT", piece) for piece in compress(new)]
        return
    stream, count = b"".join(compress(new)), len(frame.data)
    for at, part in enumerate(frame.data):
        piece = stream[len(stream) * at // count : len(stream) * (at + 1) // count]
        changes[part.start] = [wrap(part.kind, part.raw[8:12] + piece)]


def _assemble(layout: Layout, header: Header, changes: Changes, remark: Remark) -> Iterator[bytes]:
    """Yield all chunks in their order, changed, kept or left out, and say what was lost."""
    is_encoded, left_out = layout.frames[0].data[0].start in changes, set()
    _remark_losses(layout, header, remark)
    yield chunks.SIGNATURE
    for part in layout.parts:
        if part.kind == b"IHDR":
            yield wrap(b"IHDR", pack(">IIBBHB", *header[:4], 0, header.interlaced))
        elif part.start in changes:
            yield from changes[part.start]
        elif part.kind == b"iCCP" and not _fits(part, header):
            remark("The colour profile, which no longer fits, was left out.")
        elif _is_safe(part.kind) or (part.kind in _OF_PIXELS and not is_encoded):
            remark_thumbnail(part.raw if part.kind == b"eXIf" else b"", remark)
            yield part.raw if part.end <= len(layout.data) else b""
        elif part.kind not in _REPLACED:
            left_out.add(part.kind.decode("ascii", "replace"))
    yield wrap(b"IEND", b"")
    if left_out - ({"PLTE"} if layout.header.color == PALETTE else set()):
        names = ", ".join(sorted(left_out))
        remark(f"Chunks that belong to the old pixels were left out: {names}.")


def _remark_losses(layout: Layout, header: Header, remark: Remark) -> None:
    if layout.header.color == PALETTE != header.color:
        remark("The palette became levels of grey.")
    if layout.header.interlaced > header.interlaced:
        remark("The interlacing was left out.")
    if not layout.has_end:
        remark("The mark at its end was missing, and was added.")
    elif layout.parts[-1].end < len(layout.data):
        remark("What follows the end of the picture was left out.")


def _is_safe(kind: bytes) -> bool:
    """Return whether a chunk describes the picture, or is marked as safe to copy."""
    return kind in _KEPT or (kind[:1].islower() and kind[3:].islower())


def _fits(part: Part, header: Header) -> bool:
    """Return whether a colour profile is one for the channels that there are now."""
    _, _, profile = part.content.partition(b"\0")
    try:
        space = zlib.decompressobj().decompress(profile[1:], 20)[16:]
    except zlib.error:
        space = b"RGB "
    return header.color not in (GREY, GREY_ALPHA) or space != b"RGB "
