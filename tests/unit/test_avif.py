"""AVIF: kept if Pillow supports it, and refused by name if not."""

from typing import Any

import numpy as np
import PIL
import pytest
import pyvips
from PIL import features

from image.formats.codec import detect_format
from image.formats.limits import Limits
from image.operations.table import prepare
from tests.unit.checks import run
from tests.unit.pictures import ICC, XMP, picture

HAS_AVIF = "avif" in features.modules and features.check_module("avif")
with_avif = pytest.mark.skipif(not HAS_AVIF, reason="this Pillow has no AVIF")


def avif(mode: str, **options: Any) -> bytes:
    """Return an AVIF file written by libvips."""
    photo = picture(mode, 200, 120).resize((200, 120))
    image = pyvips.Image.new_from_array(np.asarray(photo))
    data: bytes = image.heifsave_buffer(compression="av1", **options)
    return data


@with_avif
@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA"])
@pytest.mark.parametrize("subsample", ["on", "off"])
def test_avif_is_kept(mode: str, subsample: str) -> None:
    """Pixels and alpha stay close, and the loss is reported."""
    source = avif(mode, Q=90, subsample_mode=subsample)

    result = run(source, gamma=1)

    assert result.content_type == "image/avif"
    before, after = (pyvips.Image.new_from_buffer(each, "") for each in (source, result.data))
    assert (after.width, after.height, after.bands) == (before.width, before.height, before.bands)
    assert np.abs(after.numpy().astype(int) - before.numpy()).mean() < 6
    assert result.remarks == (
        "The pixels were compressed again, at quality 80, whatever it was before.",
    )


@with_avif
def test_avif_keeps_its_metadata() -> None:
    """The colour profile and XMP stay."""
    image = pyvips.Image.new_from_array(np.asarray(picture("RGB")))
    image = image.copy()
    image.set_type(pyvips.GValue.blob_type, "icc-profile-data", ICC)
    image.set_type(pyvips.GValue.blob_type, "xmp-data", XMP)
    source = image.heifsave_buffer(compression="av1", keep="all")

    after = pyvips.Image.new_from_buffer(run(source).data, "")

    assert after.get("icc-profile-data") == ICC
    assert after.get("xmp-data") == XMP


@with_avif
def test_deep_avif_is_refused() -> None:
    """An AVIF with more than 8 bits is refused by name."""
    with pytest.raises(ValueError, match="10 bits or more"):
        run(avif("RGB", bitdepth=10))


def test_large_avif_is_refused() -> None:
    """Too many pixels are refused before decoding."""
    from image.formats.codec import process

    with pytest.raises(ValueError, match="24,000 pixels, and the limit is"):
        process(avif("RGB"), prepare("gamma", {}), Limits(pixels=40_000))


@pytest.mark.skipif(bool(HAS_AVIF), reason="this Pillow has AVIF")
def test_what_avif_needs_is_said() -> None:
    """On an older Pillow the refusal names the version it takes."""
    with pytest.raises(ValueError, match=rf"needs Pillow 11.3 or newer .*{PIL.__version__}"):
        run(avif("RGB"))


@pytest.mark.parametrize("brand", [b"heic", b"heix", b"mif1", b"msf1"])
def test_heic_is_named(brand: bytes) -> None:
    """An iPhone's HEIC is refused by name, with advice."""
    data = b"\0\0\0\x18ftyp" + brand + b"\0\0\0\0mif1heic"

    with pytest.raises(ValueError, match="an iPhone's HEIC: save it as JPEG"):
        run(data)


def test_avif_in_a_container_is_known() -> None:
    """A file with a generic brand is AVIF if AVIF is among its compatible brands."""
    assert detect_format(b"\0\0\0\x1cftypmif1\0\0\0\0mif1avifmiaf") == "AVIF"
