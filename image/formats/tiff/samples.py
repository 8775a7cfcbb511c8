"""Samples of a TIFF page: arrays of rows, columns and channels, and their strips as coded."""

from io import BytesIO
from typing import Any, Iterator, List

from PIL import Image

from image.formats.limits import DEFAULT_LIMITS, open_image
from image.formats.tiff import directories as tags
from image.formats.tiff.pages import (
    BITS,
    BLACK_IS_ZERO,
    CODINGS,
    COMPRESSION,
    FILL_ORDER,
    HEIGHT,
    PHOTOMETRIC,
    PREDICTOR,
    SAMPLE_FORMAT,
    STRIP_ROWS,
    TILE_ROWS,
    WIDTH,
    Page,
)

_BAND = 4_000_000  # bytes decoded at a time, where the strips are smaller
_DIFFERENCES, _FLOATS = 2, 3


def decoded(page: Page, plane: int = 0) -> Iterator[Any]:
    """Give the samples of a plane, a band of rows at a time."""
    across, down = page.block_size
    width, height = page.number(WIDTH), page.number(HEIGHT)
    many = -(-width // across)  # blocks beside each other
    stride = -(-across * page.bits * page.channels // page.planes // 8)
    rows = max(1, _BAND // (down * stride * many)) * down
    blocks = page.blocks()[plane * -(-height // down) * many :]
    for top in range(0, height, rows):
        left = min(rows, height - top)
        first = top // down * many
        chosen = blocks[first : first + -(-left // down) * many]
        image = _grey(page, chosen, stride * many, left)
        step = rows if down < height else strip_rows(page)
        for low in range(0, left, step):
            band = image.crop((0, low, image.width, min(low + step, left)))
            yield _undone(page, band, many)[:, :width]


def strip_rows(page: Page) -> int:
    """Choose the rows of a strip to be written, or of a band where all is one strip."""
    down = page.block_size[1]
    stride = page.number(WIDTH) * page.bits * page.channels // 8 + 1
    return down if down < page.number(HEIGHT) else max(1, min(down, _BAND // stride))


def _grey(page: Page, blocks: List[bytes], stride: int, height: int) -> Image.Image:
    """Let Pillow decode the bytes of some blocks as if they were levels of grey."""
    across, down = page.block_size
    many = -(-page.number(WIDTH) // across)
    is_tiled = tags.TILE_WIDTH in page.fields
    sizes = {tags.TILE_WIDTH: stride // many, TILE_ROWS: down} if is_tiled else {STRIP_ROWS: down}
    numbers = {
        **{WIDTH: stride, HEIGHT: height, BITS: 8, PHOTOMETRIC: BLACK_IS_ZERO},
        **{COMPRESSION: page.number(COMPRESSION, 1), FILL_ORDER: page.number(FILL_ORDER, 1)},
        **sizes,
    }
    fields = {tag: tags.field("<", tags.LONG, number) for tag, number in numbers.items()}
    image = open_image(tags.write("<", [(fields, blocks)]), "TIFF", DEFAULT_LIMITS)
    image.load()
    return image


def _undone(page: Page, band: Image.Image, many: int) -> Any:
    """Turn bytes into samples: undo what the predictor did, in each block by itself."""
    import numpy as np

    channels, predictor = page.channels // page.planes, page.number(PREDICTOR, 1)
    rows: Any = np.array(band).reshape(band.height * many, -1)
    if page.bits < 8:
        shifts = np.arange(8 - page.bits, -1, -page.bits, dtype="u1")
        return (rows[..., None] >> shifts & ((1 << page.bits) - 1)).reshape(band.height, -1, 1)
    if predictor == _FLOATS:
        rows = np.cumsum(rows.reshape(len(rows), -1, channels), axis=1, dtype="u1")
        rows = rows.reshape(len(rows), page.bits // 8, -1).transpose(0, 2, 1)
        samples = np.ascontiguousarray(rows).view(">" + _dtype(page)[1:])
    else:
        samples = rows.view(_dtype(page))
    samples = samples.astype(samples.dtype.newbyteorder("=")).reshape(len(rows), -1, channels)
    if predictor == _DIFFERENCES:
        samples = np.cumsum(samples, axis=1, dtype=samples.dtype)
    return samples.reshape(band.height, -1, channels)


def _dtype(page: Page) -> str:
    letter = "f" if 3 in page.numbers(SAMPLE_FORMAT) else "u"
    return f"{page.order}{letter}{page.bits // 8}"


def encoded(page: Page, samples: Any) -> List[bytes]:
    """Code the samples of a band as a page of these fields has them."""
    import numpy as np

    height, width, channels = samples.shape
    predictor = page.number(PREDICTOR, 1)
    if page.bits < 8:
        each = 8 // page.bits
        padded = np.pad(samples[..., 0], ((0, 0), (0, -width % each)))
        shifts = np.arange(8 - page.bits, -1, -page.bits, dtype="u1")
        parts = padded.reshape(height, -1, each).astype("u1") << shifts
        return _coded(page, np.bitwise_or.reduce(parts, axis=2))
    if predictor == _DIFFERENCES:
        samples[:, 1:] = np.diff(samples, axis=1)
    if predictor == _FLOATS:
        rows = samples.astype(">" + _dtype(page)[1:]).view("u1")
        rows = rows.reshape(height, width * channels, -1).transpose(0, 2, 1)
        rows = np.ascontiguousarray(rows).reshape(height, -1, channels)
        rows[:, 1:] = np.diff(rows, axis=1)
        return _coded(page, rows.reshape(height, -1))
    return _coded(page, samples.astype(_dtype(page)).reshape(height, -1).view("u1"))


def _coded(page: Page, rows: Any) -> List[bytes]:
    height, stride = rows.shape
    coding, tall, file = CODINGS[page.number(COMPRESSION, 1)], strip_rows(page), BytesIO()
    if coding == "raw":
        return [rows[top : top + tall].tobytes() for top in range(0, height, tall)]
    image = Image.frombuffer("L", (stride, height), rows.tobytes(), "raw", "L", 0, 1)
    image.save(file, "TIFF", compression=coding, strip_size=tall * stride)
    order, (fields,) = tags.read(file.getvalue(), DEFAULT_LIMITS)
    return Page(file.getvalue(), order, fields).blocks()
