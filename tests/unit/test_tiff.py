"""TIFF: compression, tags and pages."""

from typing import Any, Dict, cast

import numpy as np
import pytest

from tests.unit.checks import frames, rgb, run, wanted
from tests.unit.pictures import (
    ICC,
    XMP,
    decoded,
    encoded,
    exif,
    picture,
    with_exif_directory,
)


@pytest.mark.parametrize(
    "compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "group4"]
)
def test_tiff_keeps_compression_and_tags(compression: str) -> None:
    """Compression, resolution, ICC, XMP and texts stay in a TIFF file."""
    mode = "1" if compression == "group4" else "RGB"
    tags: Dict[int, Any] = {270: "the Moon", 305: "tests", 700: XMP}
    source = encoded(
        picture(mode),
        "TIFF",
        compression=compression,
        tiffinfo=tags,
        icc_profile=ICC,
        dpi=(300, 150),
    )

    result = run(source)
    after = decoded(result.data)

    assert after.info["compression"] == compression
    assert [round(value) for value in after.info["dpi"]] == [300, 150]
    assert after.info["icc_profile"] == ICC
    for tag, value in tags.items():
        assert cast(Any, after).tag_v2[tag] == value
    assert bool(result.remarks) == (compression == "jpeg")


@pytest.mark.parametrize("compression", ["raw", "tiff_lzw"])
def test_tiff_keeps_exif_or_says_so(compression: str) -> None:
    """The EXIF directory stays in an uncompressed file, and is named if it is left out."""
    raw = compression == "raw"
    source = encoded(picture("RGB"), "TIFF", exif=exif())
    if not raw:
        source = with_exif_directory(encoded(picture("RGB"), "TIFF", compression=compression))

    result = run(source)

    if raw:
        assert decoded(result.data).getexif().get_ifd(0x8769)[0x9003] == "2026:11:23 10:00:00"
    else:
        assert "ExifIFD" in result.remarks[0]
    assert any("upright" in remark for remark in result.remarks) == raw


def test_tiff_keeps_its_pages() -> None:
    """Each page keeps its size, mode and compression."""
    pages = [picture("RGB"), picture("L", 20, 10), picture("I;16", 9, 9)]
    source = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])

    after = frames(run(source).data)

    assert [(page.mode, page.size) for page in after] == [(p.mode, p.size) for p in pages]
    assert np.array_equal(rgb(after[1]), wanted(pages[1], 2.2))
