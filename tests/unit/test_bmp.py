"""BMP: files built byte by byte, in every layout in use."""

import struct
from typing import Any, Iterator, Tuple

import numpy as np
import pytest

from tests.unit.checks import run

Masks = Tuple[int, int, int, int]
USUAL = (0xFF0000, 0xFF00, 0xFF, 0)
MASKS = [
    (0xFF0000, 0xFF00, 0xFF, 0xFF000000),
    (0xFF, 0xFF00, 0xFF0000, 0xFF000000),
    (0xFF000000, 0xFF0000, 0xFF00, 0xFF),
]


def bmp(bits: int, header: int, masks: Masks, height: int, coded: bool) -> bytes:
    """Return a BMP file of 7 columns with random pixels, trailing bytes, and a profile."""
    luck = np.random.default_rng(bits + header)
    size = (7 * bits + 31) // 32 * 4 * abs(height)
    sizes = (7, height, 1, bits, 3 * coded, size, 2835, 2900, 0, 0)
    fields = struct.pack("<IiiHHIIiiII", header, *sizes)
    if header == 12:
        fields = struct.pack("<IHHHH", 12, 7, height, 1, bits)
    elif header > 40 or coded:
        fields += struct.pack("<4I", *masks)[: 12 if header < 56 else 16]
        fields = fields.ljust(header, b"\7")
    entries = (3 if header == 12 else 4) << bits if bits <= 8 else 0
    start = 14 + len(fields) + entries
    body = luck.integers(0, 256, entries + size, "u1").tobytes()
    return b"BM" + struct.pack("<III", start + size, 0, start) + fields + body + b"behind"


def layouts() -> Iterator[Tuple[int, int, Masks, int, bool]]:
    for header in (12, 40, 52, 56, 108, 124):
        for height in (5, -5) if header > 12 else (5,):
            for bits in (1, 4, 8, 24, 32):
                yield bits, header, USUAL, height, False
            for masks in MASKS if header > 12 else []:
                yield 32, header, masks if header > 52 else (*masks[:3], 0), height, True


def pixels(data: bytes, bits: int) -> Any:
    """Return the pixels as numbers, decoded by this test."""
    (start,) = struct.unpack_from("<I", data, 10)
    rows = np.frombuffer(data[start : -len("behind")], "u1").reshape(5, -1)[:, : 7 * bits // 8]
    wide = rows.reshape(5, 7, bits // 8).astype("u4")
    return sum(wide[..., byte] << np.uint32(8 * byte) for byte in range(bits // 8))


@pytest.mark.parametrize(("bits", "header", "masks", "height", "coded"), list(layouts()))
def test_bmp_of_each_layout(bits: int, header: int, masks: Masks, height: int, coded: bool) -> None:
    """Colours follow the formula at their depth; alpha, header and profile stay."""
    source = bmp(bits, header, masks, height, coded)

    assert run(source, gamma=1).data == source
    result = run(source).data
    (start,) = struct.unpack_from("<I", source, 10)
    if bits <= 8:
        assert result[: 14 + header] == source[: 14 + header]
        assert result[start:] == source[start:]
        entry, end = 3 if header == 12 else 4, start
        for old, new in zip(source[14 + header : end : entry], result[14 + header : end : entry]):
            assert new == round(255 * (old / 255) ** (1 / 2.2))
        return
    before, after = pixels(source, bits), pixels(result, bits)
    assert result[:start] == source[:start]
    for mask in masks[:3]:
        unit = mask & -mask
        old, new = (before & mask) // unit, (after & mask) // unit
        assert np.array_equal(new, np.rint(mask // unit * (old / (mask // unit)) ** (1 / 2.2)))
    rest = ~np.uint32(sum(masks[:3]))
    assert np.array_equal(before & rest, after & rest)


@pytest.mark.parametrize(
    ("bits", "masks"),
    [
        (16, (0x7C00, 0x3E0, 0x1F, 0)),
        (16, (0xF800, 0x7E0, 0x1F, 0)),
        (32, (0x3FF00000, 0xFFC00, 0x3FF, 0xC0000000)),
        (32, (0xFF0000, 0xFF00, 0xFF00, 0)),
        (32, (0xFF0000, 0xFF00, 0, 0xFF)),
        (32, (0xFF000000, 0xFF00, 0xFF, 0xFF0000)),
        (32, (0xFF0000, 0xFF00, 0xFF, 0x7F000000)),
        (32, (0xFF0000, 0xFF00, 0xFF, 0xFF00)),
    ],
)
def test_colours_of_other_bits_are_refused(bits: int, masks: Masks) -> None:
    """A file whose colours are not bytes one behind the other is refused by name."""
    with pytest.raises(ValueError, match=r"a rare kind \(16 bits|are not bytes"):
        run(bmp(bits, 124, masks, 5, True))


def test_sauvola_keeps_bmp_alpha() -> None:
    """Black and white keep a BMP file's alpha and layout, or become one bit without alpha."""
    deep = bmp(32, 124, MASKS[0], 5, True)
    flat = bmp(24, 40, USUAL, 5, False)

    result = pixels(run(deep, "sauvola").data, 32)
    assert set((result & 0xFFFFFF).ravel().tolist()) <= {0, 0xFFFFFF}
    assert np.array_equal(result >> 24, pixels(deep, 32) >> 24)
    assert struct.unpack_from("<H", run(flat, "sauvola").data, 28) == (1,)
    assert run(flat, "sauvola").data[38:46] == flat[38:46]


def test_colour_table_where_the_pixels_are_said_to_start() -> None:
    """If the pixel offset points at the colour table, its colours are mapped all the same."""
    source = bytearray(bmp(8, 40, USUAL, 5, False))
    (start,) = struct.unpack_from("<I", source, 10)
    source[10:14] = struct.pack("<I", 54)

    result = run(bytes(source)).data

    table = np.frombuffer(bytes(source[54:start]), "u1").reshape(-1, 4)[:, :3] / 255
    mapped = np.frombuffer(result[54:start], "u1").reshape(-1, 4)[:, :3]
    assert np.array_equal(mapped, np.rint(255 * table ** (1 / 2.2)))
    assert result[start:] == source[start:]
