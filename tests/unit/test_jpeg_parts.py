"""JPEG: tables, colours and codings that defaults would change, and what follows the end."""

import errno
import re
import struct
from base64 import b64decode
from typing import IO, Any, Sequence, cast
from unittest import mock

import numpy as np
import pytest
from PIL import Image, ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from image.formats.codec import process
from image.formats.jpeg import encoder
from image.formats.jpeg.segments import END_OF_IMAGE
from image.formats.limits import Limits
from image.operations.table import prepare
from tests.unit.checks import run, run_everywhere
from tests.unit.pictures import XMP, decoded, encoded, jpeg_with, picture, segment

FINE, COARSE = [2] * 64, [60] * 64
PHOTO = picture("RGB", 96, 64)


def noise(first: bytes, second: bytes) -> float:
    """Return the signal-to-noise ratio of two files in decibels."""
    pixels = [np.asarray(decoded(data).convert("RGB"), float) for data in (first, second)]
    return float(10 * np.log10(255**2 / max(((pixels[0] - pixels[1]) ** 2).mean(), 1e-9)))


def with_tables(data: bytes, numbers: Sequence[int]) -> bytes:
    """Assign quantisation tables to components by number, and leave the tables as they are."""
    start = data.index(b"\xff\xc0") + 12
    result = bytearray(data)
    result[start : start + 3 * len(numbers) : 3] = bytes(numbers)
    return bytes(result)


def swapped(data: bytes) -> bytes:
    """Swap the numbers of the luminance and chroma tables."""
    result = bytearray(with_tables(data, [1, 0, 0]))
    for match in re.finditer(rb"\xff\xdb\0\x43([\0\1])", data):
        result[match.start(1)] = 1 - match[1][0]
    return bytes(result)


def tables(data: bytes) -> Any:
    """Return the quantisation table of each component."""
    image = cast(JpegImageFile, decoded(data))
    return [image.quantization[component[3]] for component in image.layer]


@pytest.mark.parametrize(
    ("source", "worst"),
    [
        (swapped(encoded(PHOTO, "JPEG", qtables=[FINE, COARSE], subsampling=0)), 40),
        (swapped(encoded(PHOTO, "JPEG", qtables=[COARSE, FINE], subsampling=0)), 40),
        (encoded(PHOTO, "JPEG", qtables=[FINE, COARSE, FINE], subsampling=0), 40),
        (with_tables(encoded(PHOTO, "JPEG", qtables=[FINE, COARSE]), [0, 1, 0]), 30),
        (encoded(PHOTO.convert("CMYK"), "JPEG", qtables=[FINE, COARSE, FINE, FINE]), 35),
        (encoded(PHOTO, "JPEG", qtables=[FINE, COARSE, FINE], keep_rgb=True, subsampling=0), 40),
    ],
)
def test_each_component_keeps_its_table(source: bytes, worst: float) -> None:
    """A component is quantised by its own table, wherever in the file that is defined."""
    result = run(source, gamma=1)

    assert tables(result.data) == tables(source)
    assert noise(result.data, source) > worst


def test_luminance_chroma_and_black_become_ink_by_the_finer_tables() -> None:
    """In YCCK, which Pillow cannot write, each ink gets the luminance or the black table."""
    source = bytearray(encoded(PHOTO.convert("CMYK"), "JPEG", qtables=[FINE, COARSE, COARSE, FINE]))
    source[source.index(b"Adobe") + 11] = 2

    result = run(bytes(source), gamma=1)

    assert tables(result.data) == [FINE] * 4
    assert "now stored as ink" in result.remarks[0]
    pixels = [np.asarray(decoded(data), float) for data in (bytes(source), result.data)]
    assert np.abs(pixels[0] - pixels[1]).mean() < 1


@pytest.mark.parametrize("has_adobe", [True, False])
def test_red_green_and_blue_by_their_names_stay(has_adobe: bool) -> None:
    """Components named R, G and B are RGB even without an Adobe segment."""
    source = encoded(PHOTO, "JPEG", keep_rgb=True, quality=95, subsampling=0)
    if not has_adobe:
        start = source.index(b"\xff\xee")
        source = source[:start] + source[start + 16 :]

    result = run(source, gamma=1)

    assert noise(result.data, source) > 45
    assert result.data[result.data.index(b"\xff\xc0") + 10 :][:7:3] == b"RGB"


@pytest.mark.parametrize("optimize", [True, False])
def test_optimised_huffman_tables_are_kept(optimize: bool) -> None:
    """Optimised Huffman tables stay so, and default ones stay fast."""
    image = picture("RGB", 300, 200)
    source = encoded(image, "JPEG", optimize=optimize)

    result = run(source, gamma=1).data

    assert abs(len(result) / len(source) - 1) < 0.01
    assert len(encoded(image, "JPEG", optimize=not optimize)) / len(source) - 1 != 0


@pytest.mark.parametrize("options", [{"optimize": True}, {"progressive": True}, {}])
def test_noise_of_the_highest_quality_fits_into_memory(options: Any) -> None:
    """Pixels that take more bytes than before are encoded, too."""
    noisy = np.random.default_rng(1).integers(0, 256, (200, 300, 3)).astype("u1")
    with mock.patch("PIL.ImageFile.MAXBLOCK", 1 << 20):
        source = encoded(Image.fromarray(noisy), "JPEG", quality=100, subsampling=0, **options)

    assert noise(run(source, gamma=1).data, source) > 45


@pytest.mark.parametrize("progressive", [False, True])
@pytest.mark.parametrize("trailer", [b"\0" * 9, encoded(PHOTO, "JPEG"), b"\xff\xda\0\2" * 200])
def test_what_follows_the_end_is_told(progressive: bool, trailer: bytes) -> None:
    """A second picture or a video after the end is dropped with a remark."""
    source = encoded(PHOTO, "JPEG", progressive=progressive)

    result = run(source + trailer)

    assert result.data == run(source).data
    assert result.remarks == ("What follows the end of the picture was left out.",)


def test_scans_are_counted_up_to_the_end() -> None:
    """Only the picture's scans count, however many follow its end."""
    source, edit = encoded(PHOTO, "JPEG", progressive=True), prepare("gamma", {})
    with pytest.raises(ValueError, match="scans, and the limit is 9"):
        process(source, edit, Limits(scans=9))
    assert process(source + source, edit, Limits(scans=10)).format == "JPEG"


def test_stray_bytes_between_segments_are_skipped() -> None:
    """A few stray bytes between segments, as cameras write, are skipped with a remark."""
    source = encoded(PHOTO, "JPEG", comment=b"here")
    start = 4 + struct.unpack(">H", source[4:6])[0]

    result = run(source[:start] + b"stray\0\xff\0" + source[start:])

    assert result.data == run(source).data
    assert result.remarks == ("Stray bytes between its segments were left out.",)
    with pytest.raises(ValueError, match="damaged between its segments"):
        run(source[:start] + bytes(100_000) + source[start:])


def test_missing_pixels_are_refused() -> None:
    """A file cut off anywhere is refused."""
    for options in ({"progressive": True}, {}):
        source = encoded(picture("RGB", 300, 200), "JPEG", **options)
        for length in range(4, len(source), 97):
            with pytest.raises(ValueError, match=r"too early|incomplete"):
                run(source[:length])


GAIN_MAP = b"""<x:xmpmeta xmlns:x='adobe:ns:meta/'><rdf:Description hdrgm:Version="1.0"
 GCamera:MotionPhoto="1" dc:title="Moon"><Container:Directory><rdf:Seq><rdf:li/></rdf:Seq>
</Container:Directory></rdf:Description></x:xmpmeta>"""


@pytest.mark.parametrize("directory", [b"MPF\0", b"urn:iso:std:iso:ts:21496:-1\0", b""])
def test_metadata_promise_no_gain_map_that_is_gone(directory: bytes) -> None:
    """XMP no longer mentions a gain map or video that was dropped, but all the rest."""
    packet = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + GAIN_MAP)
    parts = [packet, segment(0xE2, directory + b"more")] if directory else [packet]
    source = jpeg_with(encoded(PHOTO, "JPEG"), *parts)

    result = run(source + encoded(PHOTO, "JPEG"))

    assert "XMP no longer speaks of the gain map or the film that was left out." in result.remarks
    assert not re.search(rb"hdrgm:|MotionPhoto|Directory|MPF|21496", result.data)
    assert b'<rdf:Description dc:title="Moon"></rdf:Description>' in result.data
    assert decoded(result.data).info["xmp"].startswith(b"<x:xmpmeta")


def test_metadata_stay_byte_for_byte_where_nothing_is_left_out() -> None:
    """XMP stays as it was if nothing was dropped."""
    packet = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + GAIN_MAP + XMP)

    assert packet in run(jpeg_with(encoded(PHOTO, "JPEG"), packet)).data


def test_a_thumbnail_is_told() -> None:
    """A thumbnail in the metadata, which shows the old picture, is reported."""
    small = segment(0xE1, b"Exif\0\0" + encoded(picture("RGB", 8, 8), "JPEG"))

    result = run(jpeg_with(encoded(PHOTO, "JPEG"), small))

    assert result.remarks == ("A thumbnail in the metadata still shows the picture as it was.",)


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_bytes_do_not_depend_on_processors(mode: str) -> None:
    """The bytes are the same for any number of processors, and however Pillow decodes."""
    source = encoded(picture("RGB", 1500, 2200).convert(mode), "JPEG")

    assert b"\xff\xdd\0\4" in run_everywhere(source)


def test_arithmetic_coding_is_read() -> None:
    """A picture in arithmetic coding, which libjpeg reads in one piece only, keeps its pixels."""
    text = (
        "/9j/4AAQSkZJRgABAQAAAQABAAD/2wBDAAIBAQEBAQIBAQECAgICAgQDAgICAgUEBAMEBgUGBgYFBgYGBwkIBgcJ"
        "BwYGCAsICQoKCgoKBggLDAsKDAkKCgr/yQALCAAIAAgBAREA/8wABgAQEAX/2gAIAQEAAD8A/wC5UE9mWmac2sxS"
        "qpUo/9k="
    )
    result = process(b64decode(text), prepare("gamma", {"gamma": 1}))

    levels = [16 * x + 14 * y for y in range(8) for x in range(8)]
    assert abs(np.asarray(decoded(result.data), int).ravel() - levels).max() <= 3
    assert result.remarks == ("The arithmetic coding became Huffman coding.",)


def test_lanes_leave_each_other_memory() -> None:
    """A lane that ends while another saves does not take the room that this one needs."""
    usual, room = ImageFile.MAXBLOCK, []

    def save(file: IO[bytes], *_: Any, **options: Any) -> None:
        encoder._save(PHOTO, 10**7, {})
        room.append(ImageFile.MAXBLOCK)
        file.write(END_OF_IMAGE)

    encoder._save(mock.Mock(save=save), 10**8, {})

    assert room == [10**8]
    assert usual == ImageFile.MAXBLOCK


def test_a_disk_that_fills_up_is_told_as_such() -> None:
    """A strip of which only the beginning found room on the disk is the fault of the machine."""
    whole = encoded(PHOTO, "JPEG")

    def save(file: IO[bytes], *_: Any, **options: Any) -> None:
        file.write(whole[: len(whole) // 2])

    with pytest.raises(OSError, match="No space left") as raised:
        encoder._save(mock.Mock(save=save), 0, {})
    assert raised.value.errno == errno.ENOSPC
