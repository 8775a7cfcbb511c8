"""PNG's encoder: filters, strips and checksums, as the specification defines them."""

import itertools
import zlib
from typing import Any, Iterator, List
from unittest import mock

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from image.formats.png import encoder
from image.formats.png.chunks import Header
from image.formats.png.rows import Rows


def rows_of(pixels: Any, depth: int, color: int) -> Rows:
    header = Header(len(pixels[0]) * 8 // depth // (3 if color else 1), len(pixels), depth, color)
    return Rows(header, lambda top, bottom: pixels[top:bottom])


def choice_of(plans: List[encoder.Plan]) -> Any:
    return mock.Mock(side_effect=itertools.cycle(plans))


def unfiltered(stream: bytes, stride: int, pixel: int) -> List[bytes]:
    """Undo the filters byte by byte (PNG, third edition, 9.2)."""
    rows, above = [], bytes(stride)
    for start in range(0, len(stream), 1 + stride):
        kind, row = stream[start], bytearray(stream[start + 1 : start + 1 + stride])
        for at in range(stride):
            left, corner = (row[at - pixel], above[at - pixel]) if at >= pixel else (0, 0)
            guess = left + above[at] - corner
            nearest = min((left, above[at], corner), key=lambda each: abs(guess - each))
            predicted = (0, left, above[at], (left + above[at]) // 2, nearest)[kind]
            row[at] = (row[at] + predicted) % 256
        rows.append(bytes(row))
        above = bytes(row)
    return rows


@settings(max_examples=60, deadline=None)
@given(
    width=st.integers(1, 40),
    height=st.integers(1, 40),
    kind=st.sampled_from([(8, 0), (8, 2), (16, 0), (16, 2)]),
    plans=st.lists(
        st.builds(
            encoder.Plan,
            st.sampled_from([(0,), (1,), (2,), (3,), (4,), (1, 2, 3, 4)]),
            st.sampled_from([(1, 0), (6, 0), (1, zlib.Z_RLE)]),
        ),
        min_size=1,
        max_size=6,
    ),
    strip=st.integers(1, 500),
    levels=st.sampled_from([2, 256]),
)
def test_rows_come_back(
    width: int, height: int, kind: Any, plans: List[encoder.Plan], strip: int, levels: int
) -> None:
    """Whatever the strips, and the plans one after another, any decoder can read the stream."""
    pixel = kind[0] // 8 * (3 if kind[1] else 1)
    random = np.random.default_rng(width * height)
    pixels = random.integers(0, levels, (height, width * pixel)).astype("u1")
    sizes = {"_STRIP_BYTES": strip, "_WINDOW": strip // 2, "choose": choice_of(plans)}

    with mock.patch.multiple(encoder, **sizes):
        pieces = list(encoder.compress(rows_of(pixels, *kind)))

    stream = zlib.decompress(b"".join(pieces))
    assert unfiltered(stream, width * pixel, pixel) == [row.tobytes() for row in pixels]
    assert {*stream[:: 1 + width * pixel]} <= {each for plan in plans for each in plan.filters}


@given(st.binary(), st.binary())
def test_checksums_are_joined(first: bytes, second: bytes) -> None:
    """The checksum of two texts joined is computed from those of each."""
    joined = encoder.join_checksums(zlib.adler32(first), zlib.adler32(second), len(second))

    assert joined == zlib.adler32(first + second)


@pytest.mark.parametrize(("top", "bottom"), [("noise", "flat"), ("flat", "noise")])
def test_the_plan_is_of_all_rows(top: str, bottom: str) -> None:
    """Each part of the height has a plan based on its own rows, made once they are there."""
    halves = {
        "noise": np.random.default_rng(1).integers(0, 256, (1000, 6000)),
        "flat": np.zeros((1000, 6000), int),
    }
    rows = rows_of(np.concatenate((halves[top], halves[bottom])).astype("u1"), 8, 2)
    taken: List[int] = []
    done = iter(range(0, 2001, 100))

    def take(first: int, last: int) -> Any:
        taken.append(last)
        return rows.take(first, last)

    def decoded() -> Iterator[int]:
        for count in done:
            assert max(taken, default=0) <= count
            yield count

    with mock.patch.object(encoder, "choose", wraps=encoder.choose) as choose:
        stream = b"".join(encoder.compress(Rows(rows.header, take, decoded())))

    bands = [call.args[1] for call in choose.mock_calls]
    assert [row for band in bands for row in band] == list(range(2000))
    assert len(bands) > 2
    assert len(stream) < 1000 * 6000 * 1.002
