"""Levels: exact in every mode, for every gamma."""

import hashlib
from typing import Any, List, cast

import numpy as np
import pytest
from PIL import Image

from image.operations.levels import Curve
from image.operations.table import OPERATIONS, prepare

GAMMAS = (0.5, 1, 2.2, 5)
RAMP = bytes(range(256))
SAME = list(range(256))
BANDS = {"L": 1, "LA": 2, "RGB": 3, "RGBA": 4, "RGBX": 4, "CMYK": 4}


def expected(gamma: float, white: int = 255) -> List[int]:
    return [round(white * (level / white) ** (1 / gamma)) for level in range(white + 1)]


def curve(gamma: float) -> Curve:
    effect = prepare("gamma", {"gamma": gamma}).effect([])
    assert isinstance(effect, Curve)
    return effect


def apply(image: Image.Image, name: str = "gamma", **values: Any) -> Image.Image:
    return cast(Image.Image, prepare(name, values).effect([image])(image.copy()))


def ramp(mode: str) -> Image.Image:
    return Image.merge(mode, [Image.frombytes("L", (256, 1), RAMP)] * BANDS[mode])


def bands(image: Image.Image) -> List[List[int]]:
    return [list(image.getchannel(band).tobytes()) for band in range(len(image.getbands()))]


@pytest.mark.parametrize(
    ("gamma", "white", "digest"),
    [(0.5, 255, "699a1f6f"), (1, 255, "40aff2e9"), (2.2, 255, "a6ddab81")],
)
def test_table_of_8_bits(gamma: float, white: int, digest: str) -> None:
    """The table for 256 levels is the published one, byte for byte."""
    assert hashlib.sha256(bytes(curve(gamma).table(white))).hexdigest().startswith(digest)


@pytest.mark.parametrize(("gamma", "digest"), [(0.5, "9e10e3e4"), (2.2, "1e82fe98")])
def test_table_of_16_bits(gamma: float, digest: str) -> None:
    """The table for 65536 levels is the published one, byte for byte."""
    table = np.array(curve(gamma).table(65535), "<u2")

    assert hashlib.sha256(table.tobytes()).hexdigest().startswith(digest)


def test_known_levels() -> None:
    """Gamma 2.2 brightens and gamma 0.5 darkens by the known amounts."""
    assert [curve(2.2).table(255)[level] for level in (1, 64, 128, 200)] == [21, 136, 186, 228]
    assert [curve(0.5).table(255)[level] for level in (16, 64, 128, 254)] == [1, 16, 64, 253]
    assert [curve(2.2).table(65535)[level] for level in (1, 1000, 50000)] == [424, 9790, 57951]


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("mode", list(BANDS))
def test_gamma_of_each_8_bit_mode(mode: str, gamma: float) -> None:
    """Colours follow the formula, ink its complement, and alpha stays."""
    lut = expected(gamma)
    ink = [255 - lut[255 - level] for level in range(256)]
    wanted = {
        "LA": [lut, SAME],
        "RGBA": [lut, lut, lut, SAME],
        "RGBX": [lut, lut, lut, SAME],
        "CMYK": [ink] * 4,
    }.get(mode, [lut] * BANDS[mode])

    assert bands(apply(ramp(mode), gamma=gamma)) == wanted


@pytest.mark.parametrize("gamma", GAMMAS)
@pytest.mark.parametrize("kind", ["u1", "u2"])
def test_gamma_of_arrays(kind: str, gamma: float) -> None:
    """All levels of an array follow the formula, in an array of the same kind."""
    white = int(np.iinfo(kind).max)

    result = curve(gamma).map(np.arange(white + 1, dtype=kind).reshape(16, -1, 1))

    assert result.dtype == np.dtype(kind)
    assert result.ravel().tolist() == expected(gamma, white)


def test_gamma_of_floats() -> None:
    """Floating-point levels from 0 to 1 follow the formula, and others are refused."""
    source = np.linspace(0, 1, 11, dtype="f4").reshape(1, 11, 1)

    assert np.allclose(curve(2).map(source), source**0.5)
    with pytest.raises(ValueError, match="from 0 to 1"):
        curve(2).map(source * 7)


@pytest.mark.parametrize("mode", [*BANDS, "1"])
def test_gamma_1_changes_nothing(mode: str) -> None:
    """Gamma 1 changes no pixel, nor does any gamma where there is only black and white."""
    source = Image.frombytes("1", (64, 4), RAMP[:32]) if mode == "1" else ramp(mode)

    assert apply(source, gamma=1 if mode != "1" else 2.2).tobytes() == source.tobytes()


def test_large_image_equals_small_one() -> None:
    """An image mapped in strips has the levels of one mapped at once."""
    large = Image.frombytes("L", (256, 1), RAMP).resize((256, 62_600), Image.Resampling.NEAREST)

    assert apply(large).tobytes() == bytes(expected(2.2)) * 62_600


@pytest.mark.parametrize("mode", ["YCbCr", "HSV", "I", "LAB"])
def test_unknown_modes_are_refused(mode: str) -> None:
    """A mode whose levels are unknown is refused by name."""
    for name in OPERATIONS:
        with pytest.raises(ValueError, match=mode):
            apply(Image.new(mode, (4, 4)), name)
