"""Animated PNG: frames are mapped one by one, and the way to show them stays."""

from itertools import product
from typing import List

import numpy as np
import pytest

from tests.unit.apng_files import Frame, animated, composed
from tests.unit.checks import run
from tests.unit.png_files import KINDS, Kind, chunks, values

CASES = [
    (kind, transparent, dispose)
    for kind, transparent, dispose in product(KINDS, (False, True), (0, 1, 2))
]


def frames_of(kind: Kind, dispose: int) -> List[Frame]:
    """Return frames that replace or blend, disposed of in every way in turn."""
    places = [(0, 0, 12, 9), (3, 2, 7, 5), (0, 4, 12, 5), (5, 0, 4, 9), (2, 2, 9, 6)]
    return [
        Frame(
            left, top, values(kind, width, height, seed), (dispose + seed) % 3, (seed + 1) // 2 % 2
        )
        for seed, (left, top, width, height) in enumerate(places)
    ]


@pytest.mark.parametrize(("kind", "transparent", "dispose"), CASES)
def test_frames_of_every_kind(kind: Kind, transparent: bool, dispose: int) -> None:
    """With gamma 1 the composed pictures are the same, and all control chunks unchanged."""
    source = animated(kind, frames_of(kind, dispose), transparent)

    result = run(source, gamma=1)

    assert [control(source, name) for name in (b"acTL", b"fcTL")] == [
        control(result.data, name) for name in (b"acTL", b"fcTL")
    ]
    assert sequence(result.data) == list(range(len(sequence(source))))
    assert len(composed(source)) == 5
    for before, after in zip(composed(source), composed(result.data)):
        assert np.abs(before - after).max() < 1e-9
    assert result.remarks == ()


@pytest.mark.parametrize(("kind", "transparent", "dispose"), CASES[::2])
def test_what_needs_whole_pictures_sees_them(kind: Kind, transparent: bool, dispose: int) -> None:
    """Sauvola composes the frames, and writes each as the whole picture shown at that time."""
    source = animated(kind, frames_of(kind, dispose), transparent)

    before, after = composed(source), composed(run(source, "sauvola").data)

    assert len(after) == len(before)
    for old, new in zip(before, after):
        assert np.abs(old[..., 3] - new[..., 3]).max() < 1 / 200
        assert {*new[..., :3].flat} <= {0, 1}


def test_contrast_takes_its_mean_from_whole_pictures() -> None:
    """Two encodings of the same pictures get the same curve."""
    kind = KINDS[9]
    parts = frames_of(kind, 0)
    parts = [frame._replace(dispose=0, blend=0) for frame in parts]
    whole, canvas = [], parts[0].pixels.copy()
    for left, top, pixels, _, _ in parts:
        canvas[top : top + pixels.shape[0], left : left + pixels.shape[1]] = pixels
        whole.append(Frame(0, 0, canvas.copy(), 0, 0))

    results = [
        composed(run(animated(kind, each, False), "contrast").data) for each in (parts, whole)
    ]

    for first, second in zip(*results):
        assert np.array_equal(first, second)


@pytest.mark.parametrize("name", ["gamma", "sauvola"])
def test_the_still_for_other_viewers_stays(name: str) -> None:
    """A fallback that is no frame of the animation is processed, and stays apart."""
    kind = KINDS[5]
    source = animated(kind, frames_of(kind, 0), False, still=True)

    result = run(source, name).data

    names = [name for name, _ in chunks(result)]
    assert names.index(b"IDAT") < names.index(b"fcTL")
    assert names.count(b"fcTL") == 4
    assert len(composed(result)) == 4
    assert sequence(result) == list(range(len(sequence(source))))


def test_a_frame_beyond_the_picture_is_refused() -> None:
    """A frame that exceeds the picture is refused."""
    source = animated(KINDS[5], [Frame(0, 0, values(KINDS[5], 4, 4), 0, 0)] * 2, False)
    outside = animated(
        KINDS[5],
        [Frame(0, 0, values(KINDS[5], 4, 4), 0, 0), Frame(1, 0, values(KINDS[5], 4, 4), 0, 0)],
        False,
    )

    assert run(source).remarks == ()
    with pytest.raises(ValueError, match="a frame of it reaches beyond the picture"):
        run(outside)


def control(data: bytes, kind: bytes) -> List[bytes]:
    return [body for name, body in chunks(data) if name == kind]


def sequence(data: bytes) -> List[int]:
    return [int.from_bytes(b[:4], "big") for name, b in chunks(data) if name in (b"fcTL", b"fdAT")]
