"""The codec: formats and modes; what is kept, reported and refused."""

import errno
from typing import Any, Dict
from unittest import mock

import numpy as np
import pytest

from image.formats.codec import process, reuse_memory
from image.operations.table import Edit, Operation
from tests.unit.checks import first, frames, rgb, run, wanted
from tests.unit.pictures import (
    animation,
    decoded,
    encoded,
    picture,
)

MATRIX = [
    *[("JPEG", mode) for mode in ("L", "RGB", "CMYK")],
    *[("PNG", mode) for mode in ("1", "L", "LA", "P", "RGB", "RGBA", "I;16")],
    *[("WEBP", mode) for mode in ("RGB", "RGBA")],
    *[("GIF", mode) for mode in ("L", "P")],
    *[("BMP", mode) for mode in ("1", "L", "P", "RGB", "RGBA")],
    *[("TIFF", mode) for mode in ("1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK")],
    *[("TIFF", mode) for mode in ("I;16", "I;16B", "F")],
]
OPTIONS: Dict[str, Dict[str, Any]] = {
    "WEBP": {"lossless": True, "exact": True},
    "JPEG": {"quality": 90},
}


@pytest.mark.parametrize("gamma", [0.5, 1, 2.2, 5])
@pytest.mark.parametrize(("kind", "mode"), MATRIX)
def test_matrix_of_formats_and_modes(kind: str, mode: str, gamma: float) -> None:
    """Each mode of each format is kept, and its pixels follow the formula."""
    data = encoded(picture(mode), kind, **OPTIONS.get(kind, {}))
    before = first(data)

    result = run(data, gamma=gamma)
    after = first(result.data)

    assert (after.format, after.size) == (before.format, before.size)
    assert after.mode == before.mode or (kind, mode) == ("BMP", "L")  # has become a palette
    if before.mode in ("I;16", "I;16B"):
        levels = np.rint(65535 * (np.asarray(before, "f8") / 65535) ** (1 / gamma))
        assert np.array_equal(np.asarray(after), levels)
    elif mode == "F":
        assert np.allclose(np.asarray(after), np.asarray(before, "f8") ** (1 / gamma), atol=1e-6)
    elif kind == "JPEG" or mode == "CMYK":
        assert np.abs(rgb(after) - wanted(before, gamma)).mean() < 5
    else:
        assert np.array_equal(rgb(after), wanted(before, gamma))


@pytest.mark.parametrize("name", ["contrast", "sauvola"])
@pytest.mark.parametrize(("kind", "mode"), MATRIX)
def test_other_operations_in_each_format(kind: str, mode: str, name: str) -> None:
    """The other operations work where they make sense, and say so where they do not."""
    data = encoded(picture(mode), kind, **OPTIONS.get(kind, {}))
    if name == "sauvola" and mode == "F":
        with pytest.raises(ValueError, match="which sauvola does not know"):
            run(data, name)
        return

    after = first(run(data, name).data)

    assert after.format == kind
    if name == "sauvola" and mode not in ("1", "I;16", "I;16B") and kind != "JPEG":
        assert set(after.convert("RGB").tobytes()) == {0, 255}


@pytest.mark.parametrize(
    ("kind", "mode", "options"),
    [
        ("PNG", "RGB", {}),
        ("PNG", "RGBA", {}),
        ("PNG", "L", {}),
        ("WEBP", "RGB", {"lossless": True}),
        ("WEBP", "RGBA", {"lossless": True, "exact": True}),
        ("GIF", "P", {"disposal": 2, "comment": b"four"}),
    ],
)
@pytest.mark.parametrize("name", ["gamma", "contrast"])
def test_animation_is_kept(kind: str, mode: str, options: Dict[str, Any], name: str) -> None:
    """Every frame is there, changed, with its duration, and the loop count stays."""
    source = animation(kind, mode, **options)

    result = run(source, name)
    before, after = frames(source), frames(result.data)

    assert len(after) == 4
    assert [f.info["duration"] for f in after] == [f.info["duration"] for f in before]
    for key in ("loop", "comment"):
        assert decoded(result.data).info.get(key) == decoded(source).info.get(key)
    if name == "gamma":
        for old, new in zip(before, after):
            seen = rgb(old)[..., 3:] > 0  # libwebp clears invisible colours
            assert np.array_equal(rgb(new) * seen, wanted(old, 2.2) * seen)


def test_palette_that_is_lost_is_said() -> None:
    """An operation that turns a palette into grey levels says so."""
    assert run(encoded(picture("P"), "PNG"), "sauvola").remarks == (
        "The palette became levels of grey.",
    )


def test_content_type() -> None:
    """The media type is that of the format, for every format."""
    assert run(encoded(picture("RGB"), "JPEG")).content_type == "image/jpeg"
    assert run(encoded(picture("RGB"), "WEBP")).content_type == "image/webp"


def test_memory_is_reused_only_on_request() -> None:
    """Having Pillow keep memory changes no result, and can be undone."""
    source = encoded(picture("RGB"), "PNG")
    before = run(source)
    reuse_memory(64)
    assert run(source) == before
    reuse_memory(0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "BMP"])
@pytest.mark.parametrize(
    "error",
    [
        OSError(errno.ENOSPC, "No space left on device"),
        FileNotFoundError(errno.ENOENT, "No usable temporary directory found"),
        ModuleNotFoundError("No module named 'numpy'"),
        MemoryError(),
        RuntimeError("can't start new thread"),
    ],
)
def test_faults_of_the_machine_are_not_the_senders(kind: str, error: Exception) -> None:
    """An error that a retry may fix is not reported as a damaged image."""
    edit = Edit(Operation("broken", "", (), mock.Mock(side_effect=error)), {})

    with pytest.raises(type(error)) as raised:
        process(encoded(picture("RGB"), kind), edit)

    assert raised.value is error


def test_a_full_disk_is_no_damaged_image() -> None:
    """An error of the temporary file is passed on as it is."""
    full = OSError(errno.ENOSPC, "No space left on device")
    with mock.patch("tempfile.TemporaryFile", side_effect=full), pytest.raises(OSError) as raised:
        run(encoded(picture("RGB"), "JPEG"))

    assert raised.value is full


@pytest.mark.parametrize("text", [b"BMW and other cars\n", b"RIFFed", b"GIF8", b"BM" + bytes(50)])
def test_a_text_is_no_image(text: bytes) -> None:
    """Text that merely starts like a format's signature is refused."""
    with pytest.raises(ValueError, match="this is not a JPEG, PNG"):
        run(text)
