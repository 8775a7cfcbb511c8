"""AVIF: stills of 8 bits, where Pillow has been built with AVIF."""

from typing import Iterator, List

import PIL
from PIL import features

from image.formats.limits import Limits
from image.formats.parts import Part, Remark, listed, remark_thumbnail
from image.formats.pillow import encode, open_image
from image.operations.table import Edit

_QUALITY = 80
_HEAD = 8  # bytes of the size and the kind of a box
_FOLDERS = {b"meta": 4, b"iprp": 0, b"ipco": 0}  # boxes of boxes, and the bytes before the first
_GONE = {b"tmap": "gain map", b"clap": "crop"}
_METADATA = ("icc_profile", "exif", "xmp")


def process(data: bytes, edit: Edit, limits: Limits, remark: Remark) -> bytes:
    """Apply an edit to an AVIF still; keep its alpha, colours, ICC, EXIF and XMP."""
    boxes = listed(_walk(data, 0, len(data)))
    subsampling = _check(boxes, limits)
    if "avif" not in features.modules or not features.check_module("avif"):
        raise ValueError(f"it needs Pillow 11.3 or newer with AVIF, and here is {PIL.__version__}")
    image = open_image(data, "AVIF")
    options = {name: image.info[name] for name in _METADATA if name in image.info}
    gone = [what for name, what in _GONE.items() if name in data[:64] or _contents(boxes, name)]
    if gone:
        remark(f"What belongs to the old pixels was left out: {', '.join(gone)}.")
    remark(f"The pixels were compressed again, at quality {_QUALITY}, whatever it was before.")
    remark_thumbnail(options.get("exif", b""), remark)
    image = image.copy()  # decoded, and without the buffers of its decoder
    changed = edit.effect([image])(image)
    result = encode(changed, "AVIF", quality=_QUALITY, subsampling=subsampling, **options)
    return _with_colours(result, _contents(boxes, b"colr"))


def _walk(data: bytes, start: int, end: int) -> Iterator[Part]:
    """Yield the boxes from a place to another, those within a box after it (ISO 14496-12, 4.2)."""
    while start + _HEAD <= end:
        size, kind = int.from_bytes(data[start : start + 4], "big"), data[start + 4 : start + 8]
        size = size or end - start
        if size < _HEAD or start + size > end:
            raise ValueError("it ends too early")
        yield Part(data, kind, start, start + size, _HEAD)
        if kind in _FOLDERS:
            yield from _walk(data, start + _HEAD + _FOLDERS[kind], start + size)
        start += size


def _contents(boxes: List[Part], kind: bytes) -> List[bytes]:
    return [each.content for each in boxes if each.kind == kind]


def _check(boxes: List[Part], limits: Limits) -> str:
    """Return how colours are subsampled; refuse what is animated, deeper than 8 bits, too large."""
    if any(box.kind == b"moov" for box in boxes):
        raise ValueError("it is animated, and only stills are kept")
    codings, sizes = (_contents(boxes, kind) for kind in (b"av1C", b"ispe"))
    if not (codings and sizes):
        raise ValueError("it is damaged or incomplete")
    if any(coding[2] & 0x40 for coding in codings):
        raise ValueError("it has 10 bits or more for each colour, and Pillow keeps 8")
    sides = ((int.from_bytes(s[4:8], "big"), int.from_bytes(s[8:12], "big")) for s in sizes)
    limits.check_whole(max(width * height for width, height in sides))
    flags = max(codings, key=lambda coding: not coding[2] & 0x10)[2]  # not those of alpha
    return "4:0:0" if flags & 0x10 else {0x0C: "4:2:0", 0x08: "4:2:2"}.get(flags & 0x0C, "4:4:4")


def _with_colours(result: bytes, sources: List[bytes]) -> bytes:
    """Copy what the source says of primaries and transfer (ISO 23091-2), which Pillow does not."""
    start = result.find(b"colrnclx") + 8
    for source in sources:
        if start > 8 and source.startswith(b"nclx"):
            return result[:start] + source[4:8] + result[start + 4 :]
    return result
