"""PNG: chunks, palettes, transparency, and depths that are refused."""

import numpy as np
import pytest

from tests.unit.checks import first, frames, rgb, run, wanted
from tests.unit.pictures import (
    XMP,
    animation,
    chunk,
    decoded,
    exif,
    png,
)


def test_png_keeps_its_chunks() -> None:
    """Texts, times and colour chunks stay byte for byte; those of the old pixels are named."""
    kept = [
        chunk(b"gAMA", b"\0\0\xb1\x8f"),
        chunk(b"cHRM", bytes(32)),
        chunk(b"pHYs", b"\0\0\x0b\x13\0\0\x0b\x13\x01"),
        chunk(b"tEXt", b"Title\0Moon"),
        chunk(b"zTXt", b"Bomb\0\0" + bytes(10)),
        chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + XMP),
        chunk(b"eXIf", exif()[6:]),
        chunk(b"tIME", b"\x07\xea\x0b\x17\x0a\0\0"),
        chunk(b"prIv", b"safe to copy"),
    ]
    stale = [chunk(b"bKGD", b"\0\x05"), chunk(b"sBIT", b"\x08")]
    source = png(4, 4, 8, 0, bytes(20), *kept, *stale)

    result = run(source)

    assert all(each in result.data for each in kept)
    assert result.remarks == ("Chunks that belong to the old pixels were left out: bKGD, sBIT.",)
    assert decoded(result.data).info["Title"] == "Moon"


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_png_keeps_palette_depth_and_transparency(depth: int) -> None:
    """The palette is mapped; indexes, their depth and their transparency stay."""
    palette = bytes(range(40, 40 + 3 * 2**depth)) if depth < 8 else bytes(range(256)) * 3
    chunks = chunk(b"PLTE", palette), chunk(b"tRNS", b"\0\x80")
    source = png(8, 1, depth, 3, b"\0" + b"\x1b" * depth, *chunks)

    after = first(run(source, gamma=2.2).data)

    assert after.mode == "P"
    assert run(source).data[24] == depth
    assert after.tobytes() == first(source).tobytes()
    assert np.array_equal(rgb(after), wanted(first(source), 2.2))


@pytest.mark.parametrize(
    ("color", "key", "mode"), [(0, b"\0\xfe", "LA"), (2, b"\0\xfe" * 3, "RGBA")]
)
def test_png_transparent_colour_becomes_alpha(color: int, key: bytes, mode: str) -> None:
    """No level becomes transparent because it is mapped onto that of the transparent colour."""
    size = 3 if color else 1
    pixels = b"\0" + b"".join(bytes([level]) * size for level in (253, 254, 255))
    source = png(3, 1, 8, color, pixels, chunk(b"tRNS", key))

    after = first(run(source, gamma=5).data)

    assert after.mode == mode
    assert list(after.getchannel("A").tobytes()) == [255, 0, 255]


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        (png(2, 2, 16, 2, bytes(26)), "16 bits"),
        (png(2, 2, 16, 6, bytes(34)), "16 bits"),
        (png(2, 2, 16, 0, bytes(10), chunk(b"tRNS", b"\0\1")), "16 bits"),
    ],
)
def test_png_that_pillow_would_cut_is_refused(source: bytes, sentence: str) -> None:
    """Sixteen bits that would be cut to eight without a word are refused."""
    with pytest.raises(ValueError, match=sentence):
        run(source)


def test_apng_keeps_its_default_image() -> None:
    """A still that is shown where animations are not stays apart from the frames."""
    source = animation("PNG", "RGB", default_image=True, duration=[10, 20, 30])

    after = frames(run(source).data)

    assert len(after) == 4
    assert decoded(run(source).data).info["default_image"]
    assert [frame.info["duration"] for frame in after[1:]] == [10, 20, 30]
