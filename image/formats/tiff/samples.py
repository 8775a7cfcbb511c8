"""Samples of a TIFF page: arrays of rows, columns and channels, and their strips as coded."""

from typing import Any, Iterator, Sequence

from PIL import Image

from image.formats.pillow import decode, encode
from image.formats.strips import cut
from image.formats.tiff import directories, tags
from image.formats.tiff.pages import CODINGS, DIFFERENCES, Page

_BAND = 4_000_000  # bytes decoded at a time, where the strips are smaller


def strip_rows(page: Page) -> int:
    """Return the rows of a strip to be written, or of a band where all is one strip."""
    down, stride = page.block_size[1], page[tags.WIDTH] * page[tags.BITS] * page[tags.CHANNELS] // 8
    return down if down < page[tags.HEIGHT] else max(1, min(down, _BAND // (stride + 1)))


def decoded(page: Page) -> Iterator[Any]:
    """Yield the samples of a page, a band of rows at a time."""
    import numpy as np

    height, (across, down) = page[tags.HEIGHT], page.block_size
    many, tall = -(-page[tags.WIDTH] // across), -(-height // down)  # blocks in each direction
    stride = -(-across * page[tags.BITS] * page[tags.CHANNELS] // page.planes // 8) * many
    for rows in cut(range(height), max(1, _BAND // (down * stride * page.planes)) * down):
        parts = []
        for plane in range(0, page.planes * tall, tall):
            first, last = plane + rows.start // down, plane + -(-rows.stop // down)
            stored = _bytes(page, page.blocks[first * many : last * many], stride, len(rows))
            parts.append(_samples(page, stored, many))
        samples = np.concatenate(parts, axis=2)[:, : page[tags.WIDTH]]
        for band in cut(range(len(rows)), len(rows) if down < height else strip_rows(page)):
            yield samples[band.start : band.stop]


def _bytes(page: Page, blocks: Sequence[memoryview], stride: int, height: int) -> Any:
    """Return rows of bytes; what is coded Pillow decodes as if they were levels of grey."""
    import numpy as np

    (across, down), is_tiled = page.block_size, tags.TILE_WIDTH in page.fields
    if (page[tags.COMPRESSION], page[tags.FILL_ORDER], is_tiled) == (1, 1, False):
        stored = b"".join(blocks)[: stride * height]
        if len(stored) < stride * height:
            raise ValueError("it ends too early")
        return np.frombuffer(stored, "u1").reshape(height, stride)
    numbers = {tag: page[tag] for tag in (tags.COMPRESSION, tags.FILL_ORDER)}
    numbers.update({tags.WIDTH: stride, tags.HEIGHT: height, tags.BITS: 8, tags.PHOTOMETRIC: 1})
    numbers[tags.TILE_ROWS if is_tiled else tags.STRIP_ROWS] = down
    if is_tiled:
        numbers[tags.TILE_WIDTH] = stride // -(-page[tags.WIDTH] // across)
    fields = {tag: directories.field("<", directories.LONG, each) for tag, each in numbers.items()}
    return np.asarray(decode(directories.write("<", [(fields, blocks)]), "TIFF"))


def _samples(page: Page, rows: Any, many: int) -> Any:
    """Turn bytes into samples: undo what the predictor did, in each block by itself."""
    import numpy as np

    bits, height, channels = page[tags.BITS], len(rows), page[tags.CHANNELS] // page.planes
    rows = rows.reshape(height * many, -1)
    if bits < 8:
        shifts = np.arange(8 - bits, -1, -bits, dtype="u1")
        return (rows[..., None] >> shifts & ((1 << bits) - 1)).reshape(height, -1, 1)
    samples = rows.view(page.dtype).reshape(len(rows), -1, channels)
    samples = samples.astype(samples.dtype.newbyteorder("="), copy=False)
    if page[tags.PREDICTOR] == DIFFERENCES:
        samples = np.cumsum(samples, axis=1, dtype=samples.dtype)
    return samples.reshape(height, -1, channels)


def encoded(page: Page, samples: Any) -> Iterator[memoryview]:
    """Yield the strips of a band of samples, coded as a page of these fields has them."""
    import numpy as np

    bits, (height, width, _) = page[tags.BITS], samples.shape
    if bits < 8:
        padded = np.pad(samples[..., 0].astype("u1"), ((0, 0), (0, -width % (8 // bits))))
        parts = padded.reshape(height, -1, 8 // bits) << np.arange(8 - bits, -1, -bits, dtype="u1")
        rows = np.bitwise_or.reduce(parts, axis=2)
    else:
        if page[tags.PREDICTOR] == DIFFERENCES:
            samples[:, 1:] = np.diff(samples, axis=1)
        rows = samples.astype(page.dtype, copy=False).reshape(height, -1).view("u1")
    coding, tall = CODINGS[page[tags.COMPRESSION]], strip_rows(page)
    if coding == "raw":
        yield from (memoryview(rows[top : top + tall].tobytes()) for top in range(0, height, tall))
        return
    image = Image.fromarray(rows)
    data = encode(image, "TIFF", compression=coding, strip_size=tall * rows.shape[1])
    for _, blocks in directories.Reader(data).pages(str):
        yield from blocks
