"""JPEG: what is kept, and what is reported as lost."""

from typing import Any, Tuple, cast
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.JpegImagePlugin import JpegImageFile, get_sampling

from image.formats import strips
from image.formats.jpeg import encoder
from image.operations.levels import Curve
from tests.unit.checks import run
from tests.unit.pictures import (
    ICC,
    IPTC,
    XMP,
    decoded,
    encoded,
    exif,
    jpeg_with,
    picture,
    segment,
)


@pytest.mark.parametrize("subsampling", [0, 1, 2])
@pytest.mark.parametrize("progressive", [False, True])
def test_jpeg_keeps_all_its_parts(subsampling: int, progressive: bool) -> None:
    """Tables, subsampling, progression, EXIF, ICC, XMP, IPTC, comment and density stay."""
    options = {"subsampling": subsampling, "progressive": progressive, "quality": 83}
    source = encoded(
        picture("RGB"), "JPEG", exif=exif(), icc_profile=ICC, dpi=(300, 150), **options
    )
    xmp = segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + XMP)
    source = jpeg_with(source, xmp, segment(0xED, IPTC), segment(0xFE, b"Adobe, a comment"))

    result = run(source)
    before, after = decoded(source), decoded(result.data)

    assert result.remarks == ()
    assert after.size == before.size
    for name in ("exif", "icc_profile", "comment", "dpi", "photoshop", "progressive"):
        assert after.info.get(name) == before.info.get(name), name
    assert after.getexif()[0x0112] == 6
    assert xmp in result.data
    assert tables(after) == tables(before)
    assert get_sampling(after) == subsampling


@settings(max_examples=60)
@given(
    mode=st.sampled_from(["L", "RGB", "CMYK"]),
    width=st.integers(1, 70),
    height=st.integers(1, 400),
    color=st.sampled_from([(0, True), (0, False), (1, False), (2, False)]),
)
def test_jpeg_in_strips_has_the_pixels_of_one_in_one_piece(
    mode: str, width: int, height: int, color: Tuple[int, bool]
) -> None:
    """Strips joined by restart markers decode to the same pixels as Pillow's single piece."""
    image = picture("RGB").resize((width, height)).convert(mode)
    subsampling, keep_rgb = color
    options = {"quality": 83, "subsampling": subsampling, "progressive": False}
    options["keep_rgb"] = keep_rgb and mode == "RGB"
    options["optimize"] = False
    curve, extra = Curve(lambda level: level**0.5), segment(0xFE, b"only once")
    source = encoded(image, "JPEG", keep_rgb=options["keep_rgb"])
    image = decoded(source)

    with mock.patch.object(encoder, "_STRIP_PIXELS", 1), mock.patch.object(strips, "_PIECE", 99):
        opened = cast(JpegImageFile, decoded(source))
        frame, rows = encoder.decoding(opened, [memoryview(source)])
        joined = encoder.encode(frame, rows, curve, b"", {**options, "extra": extra})

    whole = encoded(curve(image), "JPEG", **options)
    assert decoded(joined).tobytes() == decoded(whole).tobytes()
    assert joined.count(extra) == 1
    assert joined.count(b"\xff\xdd\0\4") == (height > 16)


def tables(image: Image.Image) -> Any:
    return cast(JpegImageFile, image).quantization


def test_jpeg_density_of_any_unit() -> None:
    """A density that is only an aspect ratio stays one."""
    source = bytearray(encoded(picture("RGB"), "JPEG"))
    source[13:18] = b"\0\0\x02\0\x01"

    assert run(bytes(source)).data[13:18] == b"\0\0\x02\0\x01"


def test_jpeg_in_rgb_stays_in_rgb() -> None:
    """A JPEG file that stores RGB itself still does."""
    source = encoded(picture("RGB"), "JPEG", keep_rgb=True)

    assert decoded(run(source).data).info.get("adobe_transform") == 0


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (encoded(picture("RGB"), "JPEG") + b"a film", "What follows the end"),
        (jpeg_with(encoded(picture("RGB"), "JPEG"), segment(0xE2, b"MPF\0")), "gain map"),
    ],
)
def test_jpeg_says_what_is_lost(source: bytes, sentence: str) -> None:
    """What follows the first picture is dropped with a remark."""
    result = run(source)

    assert sentence in result.remarks[0]
    assert b"MPF" not in result.data
    assert result.data.endswith(b"\xff\xd9")


def test_jpeg_of_rare_subsampling() -> None:
    """A subsampling that Pillow cannot write becomes none, with a remark."""
    source = encoded(picture("RGB"), "JPEG", subsampling=0)
    start = source.index(b"\xff\xc0") + 11
    rare = source[:start] + b"\x12" + source[start + 1 :]  # 4:4:0

    result = run(rare)

    assert "4:4:4" in result.remarks[0]
    assert get_sampling(decoded(result.data)) == 0
