"""Sauvola: against a naive implementation, and in every mode."""

from typing import Any, Tuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from image.operations.sauvola import is_white
from image.operations.table import prepare
from tests.unit.test_levels import apply, ramp


def naive(pixels: Any, window: int, k: float, r: float) -> Any:
    result = np.empty(pixels.shape, bool)
    reach = window // 2
    for y, x in np.ndindex(*pixels.shape):
        part = pixels[max(y - reach, 0) : y + reach + 1, max(x - reach, 0) : x + reach + 1]
        n, total = part.size, int(part.astype(object).sum())
        squares = int((part.astype(object) ** 2).sum())
        deviation = np.sqrt(float(n * squares - total * total)) / n
        result[y, x] = pixels[y, x] > total / n * (1 + k * (deviation / r - 1))
    return result


@settings(deadline=None)
@given(
    st.tuples(st.integers(1, 9), st.integers(1, 9)),
    st.integers(0, 2**32 - 1),
    st.sampled_from([3, 5, 7, 15, 501]),
    st.sampled_from([0.0, 0.2, 0.5, 1.0]),
    st.sampled_from([1, 64, 128]),
)
def test_sauvola_equals_a_naive_one(
    shape: Tuple[int, int], seed: int, window: int, k: float, r: float
) -> None:
    """Rolling sums give the same thresholds as each window by itself."""
    pixels = np.random.default_rng(seed).integers(0, 256, shape).astype("u1")

    assert np.array_equal(is_white(pixels, window, k, r), naive(pixels, window, k, r))


def test_sauvola_of_16_bits() -> None:
    """Sixteen bits get the same result as eight, on their own scale."""
    shallow = np.random.default_rng(1).integers(0, 256, (20, 30)).astype("u1")
    effect = prepare("sauvola", {}).effect([])

    for channels in (1, 2, 3, 4):
        deep = np.repeat((shallow * np.uint16(257))[..., None], channels, axis=2)
        result = np.asarray(effect(deep))
        result = result if channels % 2 else result[..., 0] == 65535
        assert np.array_equal(result, naive(shallow, 15, 0.2, 128))


@pytest.mark.parametrize("mode", ["L", "LA", "RGB", "RGBA", "RGBX", "CMYK", "P", "PA"])
def test_sauvola_gives_one_bit_or_keeps_alpha(mode: str) -> None:
    """The result has one bit per pixel, or black and white beside the original alpha."""
    source = (ramp("LA").convert("PA") if mode[0] == "P" else ramp(mode)).convert(mode)
    source = source.resize((256, 8), Image.Resampling.NEAREST)

    result = apply(source, "sauvola")

    assert result.mode == ("LA" if mode.endswith("A") else "1")
    assert set(result.convert("RGB").tobytes()) <= {0, 255}
    if mode.endswith("A"):
        assert result.getchannel("A").tobytes() == source.getchannel("A").tobytes()
