"""WebP: frames, losslessness, quality and metadata, as libvips sees them."""

from typing import Any, Dict

import numpy as np
import pytest
import pyvips
from PIL import Image

from image.formats import vp8
from tests.unit.checks import run
from tests.unit.pictures import ICC, XMP, animation, decoded, encoded, exif, picture

METADATA: Dict[str, Any] = {"exif": exif(), "icc_profile": ICC, "xmp": XMP}


def pages(data: bytes) -> Any:
    return pyvips.Image.new_from_buffer(data, "", n=-1).numpy()


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
@pytest.mark.parametrize("animated", [False, True])
def test_lossless_webp_is_kept_by_gamma_1(mode: str, animated: bool) -> None:
    """Gamma 1 changes no pixel of any frame, and adds no remark."""
    options = {"lossless": True, "exact": True, **METADATA}
    source = animation("WEBP", mode, **options)
    if not animated:
        source = encoded(picture(mode), "WEBP", **options)

    result = run(source, gamma=1)

    assert np.array_equal(pages(result.data), pages(source))
    assert result.remarks == ()
    for key in METADATA:
        assert decoded(result.data).info[key] == decoded(source).info[key]


def chunks(data: bytes) -> Any:
    position, found = 12, []
    while position < len(data):
        size = int.from_bytes(data[position + 4 : position + 8], "little")
        found.append((data[position : position + 4], data[position + 8 : position + 8 + size]))
        position += 8 + size + size % 2
    return found


def test_frames_of_webp_keep_what_was_said_of_them() -> None:
    """Position, duration, disposal and blending of each frame stay, as do unknown chunks."""
    source = animation("WEBP", "RGBA", lossless=True, minimize_size=True)
    source = source[:4] + (len(source) + 2).to_bytes(4, "little") + source[8:] + b"what\2\0\0\0hi"

    before, after = chunks(source), chunks(run(source).data)

    assert [kind for kind, _ in after] == [kind for kind, _ in before]
    assert [body[:16] for kind, body in after if kind == b"ANMF"] == [
        body[:16] for kind, body in before if kind == b"ANMF"
    ]
    assert after[-1] == (b"what", b"hi")


@pytest.mark.parametrize("quality", [30, 60, 90, 95])
@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_lossy_webp_keeps_its_quality(mode: str, quality: int) -> None:
    """The quality is derived from the quantisers, so that size and pixels stay similar."""
    photo = Image.open("image/Moon.jpg").convert("RGB").resize((400, 300))
    if mode == "RGBA":
        photo.putalpha(picture("L", 400, 300))
    source = encoded(photo, "WEBP", quality=quality)
    start = source.index(b"VP8 ") + 8

    result = run(source, gamma=1)

    assert abs(vp8.quality(source[start:]) - quality) <= 11
    assert 0.7 < len(result.data) / len(source) < 1.3
    assert len(result.remarks) == 1
    assert "compressed again" in result.remarks[0]
    difference = pages(result.data).astype(int) - pages(source)
    assert np.abs(difference[..., :3]).mean() < 4
    assert not difference[..., 3:].any()
