"""PNG's pixels: every kind of them, judged by a decoder other than Pillow's."""

import zlib
from itertools import product
from typing import Any
from unittest import mock

import numpy as np
import pytest
from PIL import Image

from tests.unit.checks import run, run_everywhere
from tests.unit.pictures import chunk, decoded, encoded, picture
from tests.unit.pictures import png as by_hand
from tests.unit.png_files import KINDS, Kind, shown, values, written


@pytest.mark.parametrize("gamma", [1, 2.2])
@pytest.mark.parametrize(
    ("kind", "transparent", "interlaced"), list(product(KINDS, (False, True), (False, True)))
)
def test_pixels_of_every_kind(
    kind: Kind, transparent: bool, interlaced: bool, gamma: float
) -> None:
    """Every colour type at every depth keeps its levels and its transparency."""
    source = written(kind, values(kind, 19, 13), transparent, interlace=interlaced)

    result = run(source, gamma=gamma)
    before, source_white = shown(source)
    after, white = shown(result.data)

    levels = np.rint(white * (before[..., :3] / source_white) ** (1 / gamma))
    assert result.data[24] >= source[24]
    assert np.array_equal(after[..., :3], levels)
    assert np.array_equal(after[..., 3] * source_white, before[..., 3] * white)
    assert all("interlacing" in remark for remark in result.remarks)


@pytest.mark.parametrize(("kind", "transparent"), list(product(KINDS, (False, True))))
@pytest.mark.parametrize("name", ["contrast", "sauvola"])
def test_other_operations_on_every_kind(kind: Kind, transparent: bool, name: str) -> None:
    """Operations on the whole picture leave alpha alone, and sauvola gives black and white."""
    source = written(kind, values(kind, 19, 13), transparent)

    before, source_white = shown(source)
    after, white = shown(run(source, name).data)

    assert np.array_equal(after[..., 3] * source_white, before[..., 3] * white)
    if name == "sauvola":
        assert {*after[..., :3].flat} <= {0, white}


def test_sauvola_sees_sixteen_bits_and_writes_one() -> None:
    """The threshold of a 16-bit colour picture is that of its luminance, to the last bit."""
    levels = values(({"greyscale": True}, 16), 40, 30) // 64 + 3000
    grey = written(({"greyscale": True}, 16), levels)
    colours = written(({"greyscale": False}, 16), np.repeat(levels, 3, axis=2))

    results = [run(source, "sauvola", k=0).data for source in (grey, colours)]

    assert results[0] == results[1]
    assert results[0][24:26] == b"\1\0"
    assert len({*shown(results[0])[0][..., 0].flat}) == 2


def test_index_beyond_the_palette_is_black() -> None:
    """An index without a colour is kept, or becomes opaque black where colours are needed."""
    chunks = chunk(b"PLTE", b"\xff" * 6), chunk(b"tRNS", b"\0")
    source = by_hand(4, 1, 8, 3, bytes([0, 0, 1, 2, 3]), *chunks)

    assert run(source, gamma=1).data == source
    result = shown(run(source, "sauvola", window=3, k=0).data)[0]
    assert result[0, :, 3].tolist() == [0, 255, 255, 255]
    assert result[0, 2:, 0].tolist() == [0, 0]


def test_a_palette_with_a_profile_of_colours_made_grey() -> None:
    """A colour profile that no longer fits the channels is dropped with a remark."""
    profile = chunk(b"iCCP", b"icc\0\0" + zlib.compress(bytes(16) + b"RGB " + bytes(99)))
    palette = chunk(b"PLTE", bytes(range(30, 36)))
    source = by_hand(2, 1, 8, 3, bytes([0, 0, 1]), profile, palette)

    assert profile in run(source).data
    result = run(source, "sauvola")
    assert b"iCCP" not in result.data
    assert "The colour profile, which no longer fits, was left out." in result.remarks


@mock.patch("image.formats.png.encoder._STRIP_BYTES", 1 << 16)
@pytest.mark.parametrize("kind", ["photo", "screenshot", "deep"])
def test_bytes_do_not_depend_on_processors(kind: str) -> None:
    """The bytes are the same for any number of processors, and however Pillow decodes."""
    assert run_everywhere(large(kind)).count(b"IDAT") > 1


@pytest.mark.parametrize("kind", ["photo", "screenshot", "noise", "scan"])
def test_files_are_not_larger_than_pillows(kind: str) -> None:
    """A file is at most as large as Pillow's at its default level."""
    source = large(kind)
    result = run(source, gamma=1)

    assert len(result.data) <= len(source)
    assert decoded(result.data).tobytes() == decoded(source).tobytes()


def large(kind: str) -> bytes:
    """Return a file that takes several strips."""
    random, (width, height) = np.random.default_rng(1), (1000, 700)
    if kind == "deep":
        return written(KINDS[6], random.integers(0, 65536, (300, 400, 3)))
    grain = random.normal(0, 5, (height, width, 3))
    pixels: Any = np.asarray(picture("RGB").resize((width, height))) + grain
    if kind == "noise":
        pixels = random.integers(0, 256, (height, width, 3))
    elif kind == "scan":
        ink = random.random((height // 10, width // 10)) > 0.9
        pixels = 230 + grain[..., 0] - 200 * ink.repeat(10, axis=0).repeat(10, axis=1)
    elif kind == "screenshot":
        letters = random.integers(0, 2, (30, 9, 7)) * 200
        pixels = np.block([[letters[random.integers(30)] for _ in range(140)] for _ in range(75)])
        pixels = np.dstack([pixels + 30, pixels + 40, pixels + 55])
    return encoded(Image.fromarray(np.clip(pixels, 0, 255).astype("u1")), "PNG")
