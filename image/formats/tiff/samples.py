"""Samples of a TIFF page: arrays of rows, columns and channels, and their strips as coded."""

from typing import Any, Iterator, List

from PIL import Image

from image.formats.limits import DEFAULT_LIMITS
from image.formats.pillow import decode, encode
from image.formats.tiff import directories, tags
from image.formats.tiff.pages import CODINGS, DIFFERENCES, Page

_BAND = 4_000_000  # bytes decoded at a time, where the strips are smaller


def decoded(page: Page) -> Iterator[Any]:
    """Give the samples of a page, a band of rows at a time, or at once if it has planes."""
    import numpy as np

    if page.planes == 1:
        yield from _plane(page, 0)
    else:
        planes = [np.concatenate(list(_plane(page, each))) for each in range(page.planes)]
        yield np.concatenate(planes, axis=2)


def whole(page: Page) -> Any:
    """Give all samples of a page at once."""
    import numpy as np

    return np.concatenate(list(decoded(page)))


def strip_rows(page: Page) -> int:
    """Choose the rows of a strip to be written, or of a band where all is one strip."""
    down = page.block_size[1]
    stride = page.number(tags.WIDTH) * page.bits * page.channels // 8 + 1
    return down if down < page.number(tags.HEIGHT) else max(1, min(down, _BAND // stride))


def _plane(page: Page, plane: int) -> Iterator[Any]:
    across, down = page.block_size
    width, height = page.number(tags.WIDTH), page.number(tags.HEIGHT)
    many = -(-width // across)  # blocks beside each other
    stride = -(-across * page.bits * page.channels // page.planes // 8)
    rows = max(1, _BAND // (down * stride * many)) * down
    blocks = page.blocks()[plane * -(-height // down) * many :]
    for top in range(0, height, rows):
        left, first = min(rows, height - top), top // down * many
        lines = _bytes(page, blocks[first : first + -(-left // down) * many], stride * many, left)
        step = rows if down < height else strip_rows(page)
        for low in range(0, left, step):
            yield _undone(page, lines[low : low + step], many)[:, :width]


def _bytes(page: Page, blocks: List[bytes], stride: int, height: int) -> Any:
    """Give rows of bytes; what is coded Pillow decodes as if they were levels of grey."""
    import numpy as np

    is_tiled, down = tags.TILE_WIDTH in page.fields, page.block_size[1]
    coding, order = page.number(tags.COMPRESSION, 1), page.number(tags.FILL_ORDER, 1)
    if (CODINGS[coding], order, is_tiled) == ("raw", 1, False):
        stored = b"".join(blocks)[: stride * height]
        if len(stored) < stride * height:
            raise ValueError("it ends too early")
        return np.frombuffer(stored, "u1").reshape(height, stride)
    many = -(-page.number(tags.WIDTH) // page.block_size[0])
    numbers = {
        **{tags.WIDTH: stride, tags.HEIGHT: height, tags.BITS: 8, tags.COMPRESSION: coding},
        **{tags.PHOTOMETRIC: tags.BLACK_IS_ZERO, tags.FILL_ORDER: order},
        **({tags.TILE_WIDTH: stride // many, tags.TILE_ROWS: down} if is_tiled else {}),
        **({} if is_tiled else {tags.STRIP_ROWS: down}),
    }
    fields = {tag: directories.field("<", directories.LONG, each) for tag, each in numbers.items()}
    return np.asarray(decode(directories.write("<", [(fields, blocks)]), "TIFF", DEFAULT_LIMITS))


def _undone(page: Page, rows: Any, many: int) -> Any:
    """Turn bytes into samples: undo what the predictor did, in each block by itself."""
    import numpy as np

    height = len(rows)
    rows = rows.reshape(height * many, -1)
    if page.bits < 8:
        shifts = np.arange(8 - page.bits, -1, -page.bits, dtype="u1")
        return (rows[..., None] >> shifts & ((1 << page.bits) - 1)).reshape(height, -1, 1)
    samples = rows.view(_dtype(page)).reshape(len(rows), -1, page.channels // page.planes)
    samples = samples.astype(samples.dtype.newbyteorder("="))
    if page.number(tags.PREDICTOR, 1) == DIFFERENCES:
        samples = np.cumsum(samples, axis=1, dtype=samples.dtype)
    return samples.reshape(height, -1, samples.shape[2])


def _dtype(page: Page) -> str:
    letter = "f" if 3 in page.numbers(tags.SAMPLE_FORMAT) else "u"
    return f"{page.order}{letter}{page.bits // 8}"


def encoded(page: Page, samples: Any) -> List[bytes]:
    """Code the samples of a band as a page of these fields has them."""
    import numpy as np

    height, width, _ = samples.shape
    if page.bits < 8:
        each = 8 // page.bits
        padded = np.pad(samples[..., 0], ((0, 0), (0, -width % each)))
        shifts = np.arange(8 - page.bits, -1, -page.bits, dtype="u1")
        parts = padded.reshape(height, -1, each).astype("u1") << shifts
        return _coded(page, np.bitwise_or.reduce(parts, axis=2))
    if page.number(tags.PREDICTOR, 1) == DIFFERENCES:
        samples[:, 1:] = np.diff(samples, axis=1)
    return _coded(page, samples.astype(_dtype(page), copy=False).reshape(height, -1).view("u1"))


def _coded(page: Page, rows: Any) -> List[bytes]:
    height, stride = rows.shape
    coding, tall = CODINGS[page.number(tags.COMPRESSION, 1)], strip_rows(page)
    if coding == "raw":
        return [rows[top : top + tall].tobytes() for top in range(0, height, tall)]
    image = Image.frombuffer("L", (stride, height), rows.tobytes(), "raw", "L", 0, 1)
    data = encode(image, "TIFF", compression=coding, strip_size=tall * stride)
    order, (fields,) = directories.read(data, DEFAULT_LIMITS)
    return Page(data, order, fields).blocks()
