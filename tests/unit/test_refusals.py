"""What is refused: files that are no image, are broken, demand too much, or are malicious."""

import faulthandler
import random
import struct
import subprocess
import sys
import time
import zlib
from typing import Any, Dict, List

import pytest

from image.formats.codec import process
from image.formats.limits import DEFAULT_LIMITS, Limits
from image.operations.table import prepare
from tests.unit.pictures import animation, chunk, encoded, exif, picture, png

JPEG = encoded(picture("RGB"), "JPEG")
PNG = encoded(picture("RGB"), "PNG")
EDIT = prepare("gamma", {})


def refusal(data: bytes, limits: Limits = DEFAULT_LIMITS) -> str:
    with pytest.raises(ValueError) as caught:
        process(data, EDIT, limits)
    return str(caught.value)


@pytest.mark.parametrize(
    "data",
    [
        b"just some text, in a file called .jpg",
        b"<!DOCTYPE html><html><body>404</body></html>",
        b"8BPS\0\x01" + bytes(100),
        b"DDS |\0\0\0" + bytes(200),
        b"SIMPLE  =                    T" + b" " * 2850,
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"%PDF-1.7\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"\0\0\0\x0cjP  \r\n\x87\n",
        b"\0",
        b"BMW is a car maker.\n",
        b"GIF8 and so on",
    ],
)
def test_what_is_no_image_is_refused(data: bytes) -> None:
    """Text, HTML, PSD, DDS, FITS, EPS, PDF, SVG and JPEG 2000 are refused by content."""
    assert refusal(data) == "this is not a JPEG, PNG, WebP, TIFF, GIF, BMP or AVIF image"


def test_empty_file_is_refused() -> None:
    """An empty file is called empty."""
    assert refusal(b"") == "the file is empty"


@pytest.mark.parametrize("part", [0.02, 0.3, 0.5, 0.9, 0.97])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "BMP", "TIFF"])
def test_truncated_images_are_refused(kind: str, part: float) -> None:
    """An image cut off anywhere is refused with a sentence."""
    data = encoded(picture("RGB", 200, 200), kind)

    sentence = refusal(data[: int(len(data) * part)])

    assert sentence.startswith("this ")
    assert "\n" not in sentence


def test_png_bomb_is_refused() -> None:
    """A PNG file of 50,000 x 50,000 pixels is refused before decoding."""
    rows = zlib.compressobj(9)
    start = time.perf_counter()
    packed = b"".join(rows.compress(bytes(6251)) for _ in range(100)) + rows.flush()
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 50_000, 50_000, 1, 0, 0, 0, 0))
    bomb = PNG[:8] + header + chunk(b"IDAT", packed) + chunk(b"IEND", b"")

    assert "pixels, and the limit is 100,000,000" in refusal(bomb)
    assert time.perf_counter() - start < 2


@pytest.mark.parametrize("side", [10_001, 13_000])
def test_pixels_are_limited(side: int) -> None:
    """Any image above the limit is refused, by whatever limit was set."""
    assert "pixels, and the limit is 100,000,000" in refusal(png(side, side, 1, 0, b""))
    assert "the limit is 1,000" in refusal(PNG, Limits(pixels=1000))


def test_pixels_are_summed_over_frames() -> None:
    """Four frames count as four times the pixels."""
    for kind in ("PNG", "GIF", "WEBP", "TIFF"):
        source = animation(kind, "P" if kind == "GIF" else "RGB")
        assert "limit is 6,000" in refusal(source, Limits(pixels=6000))
        assert "more than 3 frames" in refusal(source, Limits(frames=3))


@pytest.mark.parametrize(("count", "what"), [(40_000, "100 frames"), (100_000, "100,000 parts")])
def test_gif_of_many_frames_is_refused_at_once(count: int, what: str) -> None:
    """A GIF file's frames are counted without decoding, and its parts only up to a bound."""
    head = b"GIF89a" + struct.pack("<HHBBB", 1, 1, 0x80, 0, 0) + bytes(6)
    frame = b"\x2c" + struct.pack("<4HB", 0, 0, 1, 1, 0) + b"\x02\x02\x44\x01\0"
    start = time.process_time()

    assert what in refusal(head + frame * count + b";")
    assert time.process_time() - start < 1


def test_jpeg_of_300_scans_is_refused() -> None:
    """A progressive JPEG file with 300 scans is refused before decoding."""
    source = encoded(picture("L"), "JPEG", progressive=True)
    last = source.rindex(b"\xff\xda")
    scans = source[:last] + source[last:-2] * 300 + b"\xff\xd9"

    assert "scans, and the limit is 100" in refusal(scans)
    assert "scans, and the limit is 3" in refusal(source, Limits(scans=3))


def test_bytes_are_limited() -> None:
    """A file longer than the limit is refused."""
    assert "64,000,000" in refusal(JPEG + bytes(64_000_000))
    assert "the limit is 99" in refusal(JPEG, Limits(bytes=99))


def test_tiff_can_be_switched_off() -> None:
    """With TIFF switched off a TIFF file is refused."""
    assert "TIFF is switched off" in refusal(encoded(picture("L"), "TIFF"), Limits(tiff=False))


def tiff_directory(fields: List[bytes], following: int = 0) -> bytes:
    count = struct.pack("<H", len(fields))
    return b"II*\0\x08\0\0\0" + count + b"".join(fields) + struct.pack("<I", following)


def test_tiff_directories_that_fill_the_memory_are_refused() -> None:
    """Fields that all claim the same bytes are refused before they are copied."""
    fields = [struct.pack("<HHII", tag, 7, 1_000_000, 8) for tag in range(1000, 6000)]

    assert "longer than the file" in refusal(tiff_directory(fields) + bytes(1_000_000))


def test_tiff_directories_in_a_circle_are_refused() -> None:
    """A directory that points to itself is refused."""
    assert "no pixels" in refusal(tiff_directory([], following=8))


def mutants(count: int) -> List[bytes]:
    """Return good images of all formats with bytes changed, lost or repeated."""
    jpeg: Dict[str, Any] = {"exif": exif(), "progressive": True}
    sources = [
        encoded(picture("RGB"), "JPEG", **jpeg),
        encoded(picture("CMYK"), "JPEG"),
        encoded(picture("P"), "PNG"),
        animation("PNG", "RGBA"),
        animation("GIF", "P"),
        animation("WEBP", "RGBA"),
        encoded(picture("RGB"), "WEBP", lossless=True),
        encoded(picture("P"), "BMP"),
        encoded(picture("RGB"), "TIFF", exif=exif()),
        encoded(picture("RGB"), "TIFF", compression="tiff_lzw", dpi=(72, 72)),
        animation("TIFF", "L"),
    ]
    luck = random.Random(5)
    return [mutant(bytearray(sources[number % len(sources)]), luck) for number in range(count)]


def mutant(data: bytearray, luck: random.Random) -> bytes:
    early = luck.choice((64, 512, len(data)))  # headers can do most harm
    for _ in range(luck.randint(1, 8)):
        data[luck.randrange(min(early, len(data)))] = luck.choice(
            (0, 1, 127, 255, luck.randrange(256))
        )
    start = luck.randrange(len(data))
    if luck.random() < 0.2:
        del data[start : start + luck.randint(1, 40)]
    elif luck.random() < 0.2:
        data[start:start] = data[max(0, start - 40) : start]
    return bytes(data)


def process_mutants(count: int) -> None:
    """Process mutants in this process; exits with another code than 0 if one does harm."""
    edits = [prepare(name, {}) for name in ("gamma", "contrast", "sauvola")]
    for number, data in enumerate(mutants(count)):
        faulthandler.dump_traceback_later(10, exit=True)
        try:
            process(data, edits[number % 3])
        except ValueError as error:
            assert str(error).startswith("this ")
        faulthandler.cancel_dump_traceback_later()


def test_mutated_images_do_no_harm() -> None:
    """Each of 500 spoiled images yields a result or a ValueError, and no crash or long wait."""
    code = "from tests.unit.test_refusals import process_mutants; process_mutants(500)"

    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-X", "faulthandler", "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stderr[-2000:]
