"""Rewriter of JPEG files: metadata go over untouched, pixels keep their tables and subsampling."""

import re
from collections import deque
from itertools import takewhile
from typing import Any, Dict, Iterable, Iterator, List, Set, cast

from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from image.formats.jpeg import segments
from image.formats.jpeg.encoder import decoding, encode
from image.formats.jpeg.segments import ADOBE, JFIF, START_OF_IMAGE, XMP, is_named
from image.formats.limits import Limits
from image.formats.parts import Part, Remark, listed, remark_thumbnail
from image.formats.pillow import encode as encode_whole
from image.formats.pillow import open_image
from image.operations.table import Edit

# Of further pictures, and of a gain map.
_DIRECTORIES = b"\xe2", b"MPF\0", b"urn:iso:std:iso:ts:21496:-1\0"
_YCCK = b"\2"
_PROMISE = rb"(?:hdrgm|HDRGainMap):\w+|GCamera:(?:MotionPhoto|MicroVideo)\w*"
_PROMISES = re.compile(
    rb"""\s+(?:%b)\s*=\s*(?:"[^"]*"|'[^']*')|<(Container:Directory|%b)\b.*?</\1\s*>"""
    % (_PROMISE, _PROMISE),
    re.DOTALL,
)


def process(data: bytes, edit: Edit, limits: Limits, remark: Remark) -> bytes:
    """Apply an edit to a JPEG file; keep its tables, subsampling and metadata."""
    parts = listed(segments.walk(data))
    limits.check_scans(sum(part.kind == segments.START_OF_SCAN for part in parts))
    needed = [part for part in parts if not segments.is_metadata(part)]
    source = [memoryview(data)[part.start : part.end] for part in needed]
    head = [part.raw for part in takewhile(lambda part: part.kind != segments.SCAN, needed)]
    image = cast(JpegImageFile, open_image(b"".join((START_OF_IMAGE, *head)), "JPEG"))
    limits.check_pixels(image.width * image.height)
    options = {**_options(parts, image, remark), "extra": b"".join(_metadata(parts, remark))}
    _remark_losses(parts, remark)
    frame, decoded = decoding(image, [memoryview(START_OF_IMAGE), *source])
    effect = edit.effect(_whole(frame, decoded))
    return encode(frame, decoded, effect, segments.first(parts, *JFIF)[7:12], options)


def _whole(frame: Image.Image, decoded: Iterable[int]) -> Iterator[Image.Image]:
    """Yield the picture once it is decoded."""
    deque(decoded, 0)
    yield frame


def _options(parts: List[Part], image: JpegImageFile, remark: Remark) -> Dict[str, Any]:
    names, across, down, numbers = zip(*image.layer)  # of the components
    tables = [image.quantization[number] for number in numbers]
    transform = segments.first(parts, *ADOBE)[11:12]
    if len(tables) == 4 and transform == _YCCK:
        remark("The colours, stored as luminance, chroma and black, are now stored as ink.")
        tables = [tables[0]] * 3 + tables[3:]
    while len(tables) > 1 and tables[-1] == tables[-2]:  # Pillow takes the last for the rest
        tables.pop()
    subsampling = get_sampling(image)
    if subsampling not in (0, 1, 2):
        subsampling = 0 if image.mode == "RGB" else -1
        if len({*zip(across, down)}) > 1:
            remark("The chroma subsampling, which Pillow cannot write, became 4:4:4.")
    # Colours are red, green and blue, as libjpeg tells, if Adobe's segment or their names say so.
    is_rgb = (transform or bytes(names)) in (b"\0", b"RGB")
    return {
        "qtables": tables,
        "subsampling": subsampling,
        "progressive": any(part.kind in segments.PROGRESSIVE for part in parts),
        "optimize": not _huffman_tables(parts) <= _standard_tables(),
        "keep_rgb": image.mode == "RGB" and is_rgb and not segments.first(parts, *JFIF),
    }


def _standard_tables() -> Set[bytes]:
    """Return the Huffman tables that are used where they are not optimised (ITU-T T.81, K.3)."""
    return _huffman_tables(segments.walk(encode_whole(Image.new("RGB", (1, 1)), "JPEG")))


def _huffman_tables(parts: Iterable[Part]) -> Set[bytes]:
    found = set()
    for part in parts:
        rest = part.content if part.kind == segments.HUFFMAN_TABLES else b""
        while rest:
            end = 17 + sum(rest[1:17])
            found.add(rest[1:end])
            rest = rest[end:]
    return found


def _metadata(parts: List[Part], remark: Remark) -> Iterator[bytes]:
    """Yield what describes the picture, but for what would speak of parts that are left out."""
    is_last = parts[-1].end == len(parts[-1].file)
    is_alone = is_last and not any(is_named(part, *_DIRECTORIES) for part in parts)
    for part in parts:
        if not segments.is_metadata(part) or is_named(part, *_DIRECTORIES):
            continue
        raw = part.raw
        remark_thumbnail(raw, remark)
        if is_named(part, *XMP) and not is_alone:
            packet, promises = _PROMISES.subn(b"", part.content)
            if promises:
                remark("XMP no longer speaks of the gain map or the film that was left out.")
                raw = segments.wrap(part.kind, packet)
        yield raw


def _remark_losses(parts: List[Part], remark: Remark) -> None:
    if any(part.kind in segments.ARITHMETIC for part in parts):
        remark("The arithmetic coding became Huffman coding.")
    if any(before.end < after.start for before, after in zip(parts, parts[1:])):
        remark("Stray bytes between its segments were left out.")
    if any(is_named(part, *_DIRECTORIES) for part in parts):
        remark("Only the first picture was kept: further pictures or a gain map were left out.")
    elif parts[-1].end < len(parts[-1].file):
        remark("What follows the end of the picture was left out.")
