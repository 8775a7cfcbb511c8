"""The memory that demanding files take, each measured in a process of its own."""

import struct
import subprocess
import sys
import zlib
from typing import Callable, Dict

import pytest
import pyvips

from tests.conftest import ROOT
from tests.unit.pictures import animation, chunk, encoded, jpeg_with, picture, segment

BOUND = 300  # megabytes: what the most pixels of these formats need, and some more
BOMB = 150  # megabytes: for what is refused, or processed in small parts
CODE = """
import re, sys
from image.formats.codec import process
from image.operations.table import prepare
data = sys.stdin.buffer.read()
try:
    process(data, prepare(sys.argv[1], {}))
    print("processed", end=" ")
except ValueError as error:
    print("refused:", error, file=sys.stderr)
    print("refused", end=" ")
with open("/proc/self/status") as status:
    print(int(re.search(r"VmHWM:\\s*(\\d+)", status.read())[1]) >> 10)
"""


def directory(*fields: bytes) -> bytes:
    return b"II*\0\x08\0\0\0" + struct.pack("<H", len(fields)) + b"".join(fields) + bytes(4)


def tiff(width: int, height: int, tile: int, body: bytes) -> bytes:
    """Return a TIFF file of one tile, or of one strip if `tile` is 0."""
    places = (
        {322: tile, 323: tile, 324: 300, 325: len(body)} if tile else {273: 300, 279: len(body)}
    )
    numbers = {256: width, 257: height, 258: 8, 259: 8, 262: 1, 277: 1, **places}
    fields = [struct.pack("<HHII", tag, 4, 1, numbers[tag]) for tag in sorted(numbers)]
    return directory(*fields).ljust(300, b"\0") + body


def webp(frames: int, side: int) -> bytes:
    still = encoded(picture("L", 1, 1).resize((side, side)), "WEBP", lossless=True)
    header = bytes(6) + (side - 1).to_bytes(3, "little") * 2 + b"\x64\0\0\2"
    frame = b"ANMF" + struct.pack("<I", len(header + still[12:])) + header + still[12:]
    size = (side - 1).to_bytes(3, "little") * 2
    body = b"WEBPVP8X\x0a\0\0\0\2\0\0\0" + size + b"ANIM\6\0\0\0" + bytes(6) + frame * frames
    return b"RIFF" + struct.pack("<I", len(body)) + body


def apng(frames: int, side: int) -> bytes:
    rows = zlib.compress(bytes((side + 1) * side), 9)
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0))
    parts = [header, chunk(b"acTL", struct.pack(">II", frames, 0))]
    for number in range(frames):
        control = struct.pack(">IIIIIHHBB", max(0, 2 * number - 1), side, side, 0, 0, 1, 10, 0, 0)
        body = (struct.pack(">I", 2 * number) if number else b"") + rows
        parts += [chunk(b"fcTL", control), chunk(b"fdAT" if number else b"IDAT", body)]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts) + chunk(b"IEND", b"")


def gif_of_comments() -> bytes:
    source = animation("GIF", "P")
    return source[:-1] + b"!\xfe" + (b"\xff" + b"c" * 255) * 120_000 + b"\0;"


def png_of_texts() -> bytes:
    source = encoded(picture("RGB"), "PNG")
    text = chunk(b"zTXt", b"key\0\0" + zlib.compress(bytes(50_000_000), 9))
    return source[:33] + text * 50 + source[33:]


def jpeg_of_segments() -> bytes:
    source = encoded(picture("RGB"), "JPEG")
    return jpeg_with(source, segment(0xE2, b"ICC_PROFILE\0\1\1" + bytes(65_000)) * 400)


def flat(kind: str, mode: str, width: int, height: int) -> bytes:
    return encoded(picture("L", 1, 1).resize((width, height)).convert(mode), kind)


def webp_of_chunks() -> bytes:
    """Make a WebP file of frames that hold chunks of alpha and nothing else."""
    frame = bytes(16) + (b"ALPH" + bytes(4)) * 80_000
    body = b"WEBP" + (b"ANMF" + struct.pack("<I", len(frame)) + frame) * 50
    return b"RIFF" + struct.pack("<I", len(body)) + body


def avif(side: int, said: int) -> bytes:
    """Return an AVIF file whose boxes declare another size than its pixels have."""
    black = pyvips.Image.black(side, side).cast("uchar")
    source: bytes = black.heifsave_buffer(compression="av1", effort=0)
    place = source.index(b"ispe") + 8
    return source[:place] + struct.pack(">II", said, said) + source[place + 8 :]


def tiff_of_strips(count: int) -> bytes:
    """Make a TIFF file of one column, whose strips are the same bytes of a row each."""
    numbers = {256: 1, 257: count, 258: 8, 259: 1, 262: 1, 277: 1, 278: 1}
    fields = [struct.pack("<HHII", tag, 4, 1, number) for tag, number in numbers.items()]
    arrays = ((273, 8 + 118), (279, 8 + 118 + 4 * count))
    fields += [struct.pack("<HHII", tag, 4, count, place) for tag, place in arrays]
    fields.sort(key=lambda each: int.from_bytes(each[:2], "little"))
    places = struct.pack("<I", 1) * (2 * count)
    return directory(*fields).ljust(8 + 118, b"\0") + places + bytes(2 * count)


def same_bytes() -> bytes:
    fields = [struct.pack("<HHII", tag, 7, 1_000_000, 8) for tag in range(1000, 6000)]
    return directory(*fields) + bytes(1_000_000)


BOMBS: Dict[str, Callable[[], bytes]] = {
    "TIFF, one tile of 40,000 x 40,000": lambda: tiff(16, 16, 40_000, zlib.compress(bytes(99))),
    "TIFF, 4 thousand megapixels": lambda: tiff(65_000, 65_000, 0, zlib.compress(bytes(99))),
    "TIFF, 5,000 fields of the same bytes": same_bytes,
    "TIFF, 4 million strips": lambda: tiff_of_strips(4_000_000),
    "GIF, 4 thousand megapixels and no end": lambda: (
        encoded(picture("P"), "GIF")
        .replace(struct.pack("<HH", 48, 32), struct.pack("<HH", 65_000, 65_000))
        .rstrip(b";")
    ),
    "GIF, 30 MB of comments": gif_of_comments,
    "WebP, 50 frames of a megapixel": lambda: webp(50, 1000),
    "WebP, a still of 16,384 x 16,384": lambda: (
        encoded(picture("L", 9, 9), "WEBP", lossless=True)[:21] + b"\xff\xff\xff\x0f" + bytes(99)
    ),
    "WebP, 4 million chunks in 50 frames": webp_of_chunks,
    "PNG, 50 frames of a megapixel": lambda: apng(50, 1000),
    "PNG, 2.5 GB of packed text": png_of_texts,
    "JPEG, 26 MB of profile": jpeg_of_segments,
    "JPEG, 4 thousand megapixels": lambda: encoded(picture("L", 16, 16), "JPEG").replace(
        b"\0\x10\0\x10", b"\xfd\xe8\xfd\xe8", 1
    ),
    "AVIF, 4 thousand megapixels": lambda: avif(16, 65_000),
    "AVIF, 16 megapixels that are said to be 256 pixels": lambda: avif(4000, 16),
    "BMP, 4 thousand megapixels": lambda: (
        b"BM" + struct.pack("<IIIIiiHH", 99, 0, 54, 40, 65_000, 65_000, 1, 24) + bytes(99)
    ),
}
LARGE: Dict[str, Callable[[], bytes]] = {
    "GIF": lambda: flat("GIF", "P", 10_000, 10_000),
    "BMP": lambda: flat("BMP", "L", 8_000, 7_900),
    "TIFF": lambda: tiff(7_000, 7_000, 0, zlib.compress(bytes(49_000_000))),
}


def measured(data: bytes, name: str) -> int:
    """Process an image in a process of its own; return its peak memory in megabytes."""
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", CODE, name],
        input=data,
        capture_output=True,
        cwd=ROOT,
        check=True,
    )
    print(ended.stdout.decode(), ended.stderr.decode())
    return int(ended.stdout.split()[1])


@pytest.mark.parametrize("kind", list(BOMBS))
def test_bombs_take_little_memory(kind: str) -> None:
    """A small file that claims to be large is refused before decoding, or processed in parts."""
    data = BOMBS[kind]()

    assert measured(data, "contrast") < BOMB + 3 * (len(data) >> 20)


@pytest.mark.parametrize("kind", list(LARGE))
def test_large_images_stay_within_the_bound(kind: str) -> None:
    """An image near the pixel limit stays within the memory bound."""
    assert measured(LARGE[kind](), "gamma") < BOUND
