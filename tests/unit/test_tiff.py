"""TIFF: samples of every kind, tags and pages, as tifffile and libvips see them."""

import itertools
import struct
from io import BytesIO
from typing import Any, Dict, Iterator, List, Tuple, cast

import numpy as np
import pytest
import pyvips
import tifffile

from tests.unit.checks import run
from tests.unit.pictures import ICC, IPTC, XMP, decoded, encoded, exif, picture

KINDS = ("grey", "white is zero", "rgb", "rgba", "cmyk", "more channels")
CHANNELS = dict(zip((*KINDS, "premultiplied"), (1, 1, 3, 4, 4, 5, 4)))


def samples(kind: str, dtype: str) -> Any:
    luck = np.random.default_rng(len(kind))
    shape = (70, 50, CHANNELS[kind])
    if dtype[0] == "f":
        return luck.random(shape).astype(dtype)
    return luck.integers(0, 1 << 8 * int(dtype[1]), shape).astype(dtype)


def written(kind: str, levels: Any, **options: Any) -> bytes:
    """Return samples written by tifffile."""
    photometric = {"grey": "minisblack", "white is zero": "miniswhite", "cmyk": "separated"}
    extra = {"rgba": [2], "premultiplied": [1], "more channels": [0, 0]}
    if CHANNELS[kind] == 1:
        levels = levels[..., 0]
        options.pop("planarconfig")
    elif options["planarconfig"] == "separate":
        levels = np.moveaxis(levels, -1, 0)
    buffer = BytesIO()
    options = {"photometric": photometric.get(kind, "rgb"), "metadata": None, **options}
    tifffile.imwrite(buffer, levels, extrasamples=extra.get(kind), **options)
    return buffer.getvalue()


def pages(data: bytes) -> List[Any]:
    """Return the samples of all pages as tifffile reads them: rows, columns and channels."""
    with tifffile.TiffFile(BytesIO(data)) as file:
        read = [(page.asarray(), page) for page in cast(Any, file.pages)]
    moved = (np.moveaxis(a, 0, -1) if page.planarconfig == 2 else a for a, page in read)
    return [each.reshape(*each.shape[:2], -1) for each in moved]


def tags(data: bytes) -> List[Dict[int, Any]]:
    with tifffile.TiffFile(BytesIO(data)) as file:
        return [{tag.code: plain(tag.value) for tag in page.tags} for page in cast(Any, file.pages)]


def plain(value: Any) -> Any:
    return tuple(value.ravel().tolist()) if isinstance(value, np.ndarray) else value


def wanted(kind: str, levels: Any) -> Any:
    """Return gamma 2.2 of samples."""
    white = 1 if levels.dtype.kind == "f" else np.iinfo(levels.dtype).max
    result, colours = levels.astype("f8"), {"cmyk": 4}.get(kind, 1 if levels.shape[2] == 1 else 3)
    part = result[..., :colours] / white
    is_ink = kind in ("white is zero", "cmyk")
    result[..., :colours] = white * (1 - (1 - part) ** (1 / 2.2) if is_ink else part ** (1 / 2.2))
    return result if levels.dtype.kind == "f" else np.rint(result)


def matrix() -> Iterator[Tuple[str, str, Dict[str, Any]]]:
    codings = ({"compression": None}, {"compression": "zlib"})
    differences = {"compression": "zlib", "predictor": True}
    blocks: Tuple[Dict[str, Any], ...] = (
        {},
        {"rowsperstrip": 7},
        {"tile": (16, 16)},
        {"tile": (32, 48)},
    )
    for number, (kind, dtype, coding, block, order, planes) in enumerate(
        itertools.product(
            KINDS, ("u1", "u2", "f4"), (*codings, differences), blocks, "<>", ("contig", "separate")
        )
    ):
        planar = CHANNELS[kind] > 1 or planes == "contig"
        plain = dtype != "f4" or kind in ("grey", "rgb", "rgba", "more channels")
        if planar and plain and number % 3 == 0:  # every pair of values, in a third of the time
            yield kind, dtype, {**coding, **block, "byteorder": order, "planarconfig": planes}


@pytest.mark.parametrize(("kind", "dtype"), list(itertools.product(KINDS, ("u1", "u2", "f4"))))
def test_samples_of_each_kind(kind: str, dtype: str) -> None:
    """In each layout gamma 1 keeps all samples, and gamma 2.2 follows the formula.

    Only floats with a predictor are refused.
    """
    for options in (each for k, d, each in matrix() if (k, d) == (kind, dtype)):
        levels = samples(kind, dtype)
        source = written(kind, levels, **options)
        if dtype == "f4" and options.get("predictor"):
            with pytest.raises(ValueError, match="predictor is that of floating-point numbers"):
                run(source)
            continue

        (same,) = pages(run(source, gamma=1).data)
        (mapped,) = pages(run(source).data)

        assert np.array_equal(same, levels), options
        if dtype == "f4":
            assert np.allclose(mapped, wanted(kind, levels), atol=1e-6), options
        else:
            assert np.array_equal(mapped, wanted(kind, levels)), options
        run(source, "contrast")
        if dtype != "f4":
            bits = tags(run(source, "sauvola").data)[0][258]
            assert bits == ((8 * int(dtype[1]),) * 2 if kind == "rgba" else 1), options


@pytest.mark.parametrize("kind", ["cmyk", "white is zero"])
def test_odd_floats_are_refused(kind: str) -> None:
    """Floats that would have to be inverted are refused by name."""
    source = written(kind, samples(kind, "f4"), planarconfig="contig")

    with pytest.raises(ValueError, match="floating-point numbers, but not of plain grey or RGB"):
        run(source)


@pytest.mark.parametrize("dtype", ["u1", "u2", "f4"])
def test_associated_alpha_is_refused(dtype: str) -> None:
    """Colours premultiplied by alpha are refused by name."""
    source = written("premultiplied", samples("premultiplied", dtype), planarconfig="contig")

    with pytest.raises(ValueError, match="multiplied by its alpha"):
        run(source)


@pytest.mark.parametrize("options", [{"compression": "lzw"}, {"compression": "packbits"}])
@pytest.mark.parametrize("tile", [False, True])
@pytest.mark.parametrize("predictor", ["none", "horizontal"])
def test_codings_of_libtiff(options: Dict[str, Any], tile: bool, predictor: str) -> None:
    """What libtiff compressed is compressed the same way, predictor included, without loss."""
    for dtype in ("u1", "u2"):
        image = pyvips.Image.new_from_array(samples("rgb", dtype))
        source = image.tiffsave_buffer(tile=tile, predictor=predictor, **options)

        result = run(source, gamma=1).data

        assert np.array_equal(pyvips.Image.new_from_buffer(result, "").numpy(), image.numpy())
        for tag in (259, 317):
            assert tags(result)[0].get(tag) == tags(source)[0].get(tag)


def raw(fields: Dict[int, Tuple[int, List[int]]], strip: bytes, **more: bytes) -> bytes:
    """Return a TIFF file made by hand: fields of SHORT or LONG numbers, followed by one strip."""
    fields = {**fields, 273: (4, [0]), 279: (4, [len(strip)])}
    start = 8 + 2 + 12 * len(fields) + 4
    body, entries = strip + bytes(len(strip) % 2), []
    fields[273] = (4, [start])
    for tag, (kind, numbers) in sorted(fields.items()):
        value = struct.pack(f"<{len(numbers)}{'..BHI'[kind] if kind != 1 else 'B'}", *numbers)
        if len(value) > 4:
            value, body = struct.pack("<I", start + len(body)), body + value + bytes(len(value) % 2)
        entries.append(struct.pack("<HHI", tag, kind, len(numbers)) + value.ljust(4, b"\0"))
    head = b"II*\0\x08\0\0\0" + struct.pack("<H", len(entries))
    return head + b"".join(entries) + bytes(4) + body


def page(bits: List[int], photometric: int, strip: bytes, **more: Any) -> bytes:
    fields = {256: (3, [8]), 257: (3, [4]), 258: (3, bits), 259: (3, [1]), 262: (3, [photometric])}
    fields.update({277: (3, [len(bits)]), **more.get("fields", {})})
    return raw(fields, strip)


@pytest.mark.parametrize("bits", [2, 4])
@pytest.mark.parametrize("photometric", [0, 1])
def test_low_depths_keep_their_bits(bits: int, photometric: int) -> None:
    """Levels of 2 and 4 bits are mapped as such, and the file stays as small."""
    strip = bytes(range(0, 256, 255 // (4 * bits)))[: 4 * bits]
    source = page([bits], photometric, strip)

    (before,), (same,), (after,) = (
        pages(each) for each in (source, run(source, gamma=1).data, run(source).data)
    )

    white = (1 << bits) - 1
    levels = before if photometric else white - before
    mapped = np.rint(white * (levels / white) ** (1 / 2.2))
    assert np.array_equal(same, before)
    assert np.array_equal(after, mapped if photometric else white - mapped)


@pytest.mark.parametrize("unit", [1, 256, 257, 0])
def test_palettes_of_16_bits_are_mapped_alone(unit: int) -> None:
    """Indexes stay byte for byte, and palette colours follow the formula at their depth."""
    luck = np.random.default_rng(1)
    entries = luck.integers(0, 65536, 768) if not unit else luck.integers(0, 256, 768) * unit
    strip = bytes(range(32))
    source = page([8], 3, strip, fields={320: (3, entries.tolist())})

    result = run(source).data

    white = 65535 if not unit else 255 * unit
    mapped = np.array(tags(result)[0][320]).ravel()
    step = unit or 1
    assert np.array_equal(mapped, np.rint(white / step * (entries / white) ** (1 / 2.2)) * step)
    assert np.array_equal(pages(result)[0], pages(source)[0])
    assert tags(run(source, gamma=1).data)[0][320] == tags(source)[0][320]


@pytest.mark.parametrize(
    ("bits", "fields", "reason"),
    [
        ([8], {339: (3, [2])}, "signed"),
        ([16], {339: (3, [2])}, "signed"),
        ([32], {}, "32 bits"),
        ([12], {}, "12 bits"),
        ([5, 6, 5], {}, "5 and 6 bits"),
        ([8], {259: (3, [34712])}, "compression 34712"),
        ([8, 8, 8], {262: (3, [8])}, "colours 8"),  # LAB
    ],
)
def test_kinds_that_cannot_be_kept_are_named(bits: Any, fields: Any, reason: str) -> None:
    """Samples that would be misread are refused by name."""
    with pytest.raises(ValueError, match=reason):
        run(page(bits, 1, bytes(400), fields=fields))


@pytest.mark.parametrize("following", [8, 9, 10_000])
def test_pages_that_are_no_pages_are_left_out(following: int) -> None:
    """If the second page is the first, or no page, only the first is kept, with a remark."""
    source = bytearray(page([8], 1, bytes(range(32))))
    end = 10 + 12 * int.from_bytes(source[8:10], "little")
    source[end : end + 4] = following.to_bytes(4, "little")

    result = run(bytes(source), gamma=1)

    assert np.array_equal(pages(result.data)[0].ravel(), np.arange(32))
    assert result.remarks == ("Only the pages up to number 1 were kept: the next is damaged.",)


def test_big_tiff_is_called_what_it_is() -> None:
    """A BigTIFF is refused by name."""
    buffer = BytesIO()
    tifffile.imwrite(buffer, samples("grey", "u1")[..., 0], bigtiff=True)

    with pytest.raises(ValueError, match="BigTIFF"):
        run(buffer.getvalue())


TAGS: List[Any] = [
    (254, "I", 1, 1),  # a reduced picture
    (270, "s", 0, "the Moon"),
    (274, "H", 1, 6),
    (301, "H", 768, tuple(range(768))),  # the transfer function
    (318, "2I", 2, (3127, 10000, 3290, 10000)),  # the white point
    (319, "2I", 6, (64, 100, 33, 100, 30, 100, 60, 100, 15, 100, 6, 100)),
    (700, "B", len(XMP), XMP),
    (33723, "B", len(IPTC), IPTC),
    (34675, "B", len(ICC), ICC),
    (65000, "d", 1, 2.5),  # a private tag
]


@pytest.mark.parametrize("name", ["gamma", "contrast", "sauvola"])
@pytest.mark.parametrize("coding", [None, "zlib"])
def test_tags_are_kept_page_by_page(name: str, coding: Any) -> None:
    """Each page keeps all its own tags, and gets none of another's."""
    buffer = BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        for number in (1, 0):
            extra = TAGS if number else TAGS[1:2]
            levels = samples("grey", "u1")[..., 0]
            file.write(
                levels, compression=coding, metadata=None, extratags=extra, resolution=(300, 150)
            )
    source = buffer.getvalue()

    result = run(source, name)

    for before, after in zip(tags(source), tags(result.data)):
        for tag in {*before} - {258, 273, 278, 279}:
            assert after.get(tag) == before[tag], tag
        assert set(after) - set(before) <= {258, 278}
    assert result.remarks == ()


def test_orientation_and_exif_stay_with_the_pixels() -> None:
    """The pixels are not rotated, so the tag and EXIF stay."""
    source = encoded(picture("RGB"), "TIFF", exif=exif())

    result = run(source, gamma=1).data

    assert tags(result)[0][274] == tags(source)[0][274] == 6
    assert decoded(result).getexif().get_ifd(0x8769)[0x9003] == "2026:11:23 10:00:00"
    assert np.array_equal(pages(result)[0], pages(source)[0])


def test_profile_that_no_longer_fits_goes() -> None:
    """Black and white made of colours drop the colour profile, with a remark."""
    source = encoded(picture("RGB"), "TIFF", icc_profile=ICC)

    result = run(source, "sauvola")

    assert 34675 not in tags(result.data)[0]
    assert result.remarks == ("The colour profile was left out, since the colours became grey.",)


def test_stale_tags_are_named() -> None:
    """Tags about the old pixels are dropped, and named."""
    source = page([8], 1, bytes(32), fields={280: (3, [0]), 281: (3, [9])})

    result = run(source)

    assert not {280, 281} & set(tags(result.data)[0])
    assert "MinSampleValue, MaxSampleValue" in result.remarks[0]


@pytest.mark.parametrize("mode", ["L", "RGB", "CMYK"])
def test_jpeg_in_tiff_is_refused(mode: str) -> None:
    """JPEG pages, which would lose quality again, are refused by name."""
    source = encoded(picture(mode, 200, 100), "TIFF", compression="jpeg")

    with pytest.raises(ValueError, match="compression JPEG"):
        run(source)


@pytest.mark.parametrize("coding", ["group3", "group4", "tiff_ccitt", "raw"])
def test_two_levels_stay_as_they_are(coding: str) -> None:
    """No operation changes black and white, so their strips stay byte for byte."""
    source = encoded(picture("1", 200, 100), "TIFF", compression=coding)

    for name in ("gamma", "contrast", "sauvola"):
        result = run(source, name).data
        assert np.array_equal(np.asarray(decoded(result)), np.asarray(decoded(source)))


def test_pages_of_different_kinds() -> None:
    """Three pages of different kinds keep order, size and kind."""
    buffer = BytesIO()
    with tifffile.TiffWriter(buffer) as file:
        for kind, dtype in (("rgb", "u1"), ("grey", "u2"), ("rgba", "u1")):
            file.write(np.squeeze(samples(kind, dtype)), metadata=None)

    before, after = pages(buffer.getvalue()), pages(run(buffer.getvalue(), gamma=1).data)

    assert len(before) == len(after) == 3
    assert all(np.array_equal(old, new) for old, new in zip(before, after))
