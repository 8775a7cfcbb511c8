"""GIF: nothing but colours changes, and a missing end is repaired."""

import numpy as np
import pytest
import pyvips

from tests.unit.checks import first, rgb, run
from tests.unit.pictures import animation, encoded, picture


def test_gif_changes_only_its_colours() -> None:
    """Only bytes of colour tables change."""
    source = animation("GIF", "P", comment=b"here")
    result = run(source, gamma=1)

    assert result.data == source
    assert len(run(source).data) == len(source)
    with pytest.raises(ValueError, match="sauvola cannot keep the colour tables of an animation"):
        run(source, "sauvola")


def test_gif_still_by_sauvola() -> None:
    """A still becomes black, white and transparent, and keeps its comment."""
    image = picture("P")
    source = encoded(image, "GIF", transparency=image.getpixel((0, 0)), comment=b"here")

    after = first(run(source, "sauvola").data)

    assert after.info["comment"] == b"here"
    assert np.array_equal(rgb(after)[..., 3], rgb(first(source))[..., 3])


@pytest.mark.parametrize(
    ("lost", "added"),
    [(1, b""), (2, b""), (1, bytes(40)), (1, b"!\xfe\x20cut off"), (1, b"!\xf9\4\0\0\0\0\0")],
)
def test_gif_without_end_mark(lost: int, added: bytes) -> None:
    """If all pixels are there, the end mark is added, and other decoders see the same."""
    source = animation("GIF", "P", comment=b"here")

    result = run(source[:-lost] + added, gamma=1)

    assert result.data == source
    assert "end mark" in result.remarks[0]
    pages = pyvips.Image.new_from_buffer(result.data, "", n=-1)
    assert np.array_equal(pages.numpy(), pyvips.Image.new_from_buffer(source, "", n=-1).numpy())


@pytest.mark.parametrize("kept", [0.5, 0.9, 0.99])
def test_gif_cut_off_within_its_pixels(kept: float) -> None:
    """A file that lacks pixels of its last frame is refused, even if it seems to end."""
    source = encoded(picture("P", 200, 200), "GIF")

    for end in (b"", b"\0", b"\0;", bytes(300)):
        with pytest.raises(ValueError, match="this GIF image cannot be processed"):
            run(source[: int(len(source) * kept)] + end)
