"""PNG: chunks, palettes, transparency, and depths that are refused."""

import numpy as np
import pytest

from tests.unit.apng_files import Frame, animated
from tests.unit.checks import first, rgb, run, wanted
from tests.unit.pictures import XMP, chunk, decoded, exif, png
from tests.unit.png_files import KINDS, values, written


def test_png_keeps_its_chunks() -> None:
    """Text, time and colour chunks stay byte for byte; those about the old pixels are reported."""
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
    """The palette is mapped; indexes, their depth and transparency stay."""
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
    """A level mapped onto the transparent colour's does not become transparent."""
    size = 3 if color else 1
    pixels = b"\0" + b"".join(bytes([level]) * size for level in (253, 254, 255))
    source = png(3, 1, 8, color, pixels, chunk(b"tRNS", key))

    after = first(run(source, gamma=5).data)

    assert after.mode == mode
    assert list(after.getchannel("A").tobytes()) == [255, 0, 255]


@pytest.mark.parametrize("name", ["still", "palette", "animation"])
def test_png_without_its_end_is_kept_while_all_pixels_are_there(name: str) -> None:
    """A missing end is added with a remark, wherever after the pixels the file was cut."""
    kind = KINDS[5] if name != "palette" else KINDS[11]
    text = chunk(b"tEXt", b"Title\0Moon")
    whole = written(kind, values(kind, 9, 7))[:-12] + text + chunk(b"IEND", b"")
    if name == "animation":
        frames = [Frame(0, 0, values(kind, 9, 7, seed), 0, 0) for seed in (1, 2)]
        whole = animated(kind, frames, False)[:-12] + text + chunk(b"IEND", b"")
    wanted = run(whole).data

    checksums = 0 if name == "palette" else 8  # those of the stream and of its chunk
    pixels_end = len(whole) - 12 - len(text) - checksums
    for end in range(pixels_end, len(whole)):
        result = run(whole[:end])
        has_text = end >= len(whole) - 12
        assert result.data == (wanted if has_text else wanted.replace(text, b""))
        assert result.remarks == ("The mark at its end was missing, and was added.",)
    for end in range(50, pixels_end - 4):
        with pytest.raises(ValueError, match=r"too early|incomplete"):
            run(whole[:end])


@pytest.mark.parametrize("name", ["gamma", "sauvola"])
def test_png_says_what_is_lost(name: str) -> None:
    """What follows the end, and a thumbnail of the old picture, are reported."""
    metadata = chunk(b"eXIf", b"MM\0*\0\0\0\x08" + b"\xff\xd8\xff\xe0")
    source = png(2, 1, 8, 0, b"\0\1\2", metadata) + b"a film"

    assert run(source, name).remarks == (
        "What follows the end of the picture was left out.",
        "A thumbnail in the metadata still shows the picture as it was.",
    )


def test_png_that_is_damaged_is_refused() -> None:
    """Wrong checksums of header or pixels, and an invalid header, are refused."""
    source = png(4, 4, 8, 0, bytes(range(20)))
    for position in (17, len(source) - 18, 24, 25, 28):
        broken = bytearray(source)
        broken[position] ^= 0x55
        with pytest.raises(ValueError, match=r"damaged|header"):
            run(bytes(broken))
