"""The comparison: how it shows images that a screen cannot show as they are."""

from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from image.comparison import CAPTION, GAP, SIDE, compare


@pytest.mark.parametrize("kind", ["u2", "u1", "f4"])
def test_deep_images_are_shown_with_their_levels(kind: str, tmp_path: Path) -> None:
    """A ramp in 16 bits or floats appears as a ramp, neither all white nor all black."""
    white = 1 if kind == "f4" else np.iinfo(kind).max
    ramp = np.repeat(np.linspace(0, white, SIDE).astype(kind)[None], SIDE, axis=0)
    source = tmp_path / f"{'a long name ' * 20}.tif"
    Image.fromarray(ramp).save(source)

    both = compare(source, source, "gamma 2.2", ".png")

    with Image.open(BytesIO(both)) as picture:
        row = np.asarray(picture.convert("L"), int)[GAP + CAPTION + SIDE // 2, GAP : GAP + SIDE]
        caption = np.asarray(picture.convert("L"))[GAP : GAP + CAPTION, GAP : GAP + SIDE]
    assert np.abs(row - np.linspace(0, 255, SIDE)).max() <= 1
    assert caption.min() < 100
    assert np.ptp(np.nonzero(caption.min(axis=1) < 100)[0]) >= 12  # legible letters
