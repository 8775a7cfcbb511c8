"""TIFF documents: each page edited by itself, and all its tags kept that fit its new pixels."""

from typing import Any, Iterator, List, Tuple

from PIL import Image
from PIL.TiffTags import lookup

from image.formats.limits import DEFAULT_LIMITS, Limits
from image.formats.metadata import Remark, remark_thumbnail
from image.formats.pillow import decode, encode
from image.formats.tiff import colours, directories, samples, tags
from image.formats.tiff.directories import LONG, SHORT
from image.formats.tiff.pages import Page
from image.operations.levels import Curve
from image.operations.table import Edit, Effect

_BIG = (b"II+\0", b"MM\0+")
_JPEG_QUALITY = 90
_TILES = (tags.TILE_WIDTH, tags.TILE_ROWS, *tags.TILES)
_CODING = (347, *range(512, 522), 529, 530, 531, 532)  # of JPEG and of its colours
_LAYOUT = {
    *(tags.WIDTH, tags.HEIGHT, tags.BITS, tags.COMPRESSION, tags.PHOTOMETRIC),
    *(tags.CHANNELS, tags.STRIP_ROWS, tags.PLANAR, tags.PALETTE, tags.FILL_ORDER),
    *(tags.EXTRA, tags.SAMPLE_FORMAT, 292, 293, *_TILES, *tags.STRIPS, *_CODING),
}
_STALE = (280, 281, 330, 340, 341, 37724)  # lowest and highest levels, smaller copies, layers

Parts = Tuple[directories.Directory, List[bytes]]


def process(data: bytes, edit: Edit, limits: Limits, remark: Remark) -> bytes:
    """Apply an edit to a TIFF file; keep its pages, their compression and their tags."""
    if not limits.tiff:
        raise ValueError("TIFF is switched off here")
    if data.startswith(_BIG):
        raise ValueError("it is a BigTIFF, which is not known here: save it as a plain TIFF")
    order, found = directories.read(data, limits, remark)
    document = [Page(data, order, directory) for directory in found]
    limits.check_pixels(sum(page.check(limits) for page in document))
    effect = edit.effect(picture for page in document for picture in _pictures(page))
    return directories.write(order, (_edited(page, effect, remark) for page in document))


def _pictures(page: Page) -> Iterator[Any]:
    """Give what an effect may want to see of a page before it is applied."""
    if not page.codes_bytes:
        yield _opened(page)
    else:
        yield from (colours.picture(page, band) for band in samples.decoded(page))


def _edited(page: Page, effect: Effect, remark: Remark) -> Parts:
    stale = [lookup(tag).name for tag in _STALE if tag in page.fields]
    if stale:
        remark(f"Tags that belong to the old pixels were left out: {', '.join(stale)}.")
    if tags.PHOTOSHOP in page.fields:
        remark_thumbnail(page.fields[tags.PHOTOSHOP].raw, remark)
    page = page._replace(fields={t: f for t, f in page.fields.items() if t not in _STALE})
    if page.is_bilevel:
        return page.fields, page.blocks()
    if not page.codes_bytes:
        return _recoded(page, effect, remark)
    if not isinstance(effect, Curve):
        return _without_profile(page, *_replaced(page, effect), remark)
    if page.kind == tags.INDEXED:
        palette = colours.mapped_palette(page, effect)
        return {**page.fields, tags.PALETTE: palette}, page.blocks()
    return _mapped(page, effect, remark)


def _mapped(page: Page, curve: Curve, remark: Remark) -> Parts:
    """Map the levels of a page, a band of rows at a time."""
    if tags.TILE_WIDTH in page.fields:
        remark("The tiles became strips.")
    if page.planes > 1:
        remark("The planes of its channels became one.")
    strips: List[bytes] = []
    for band in samples.decoded(page):
        strips += samples.encoded(page, colours.mapped(page, curve, band))
    return _in_strips(page), strips


def _in_strips(page: Page, *without: int) -> directories.Directory:
    """Give the fields of a page without tiles and without the tags given."""
    left_out = (*_TILES, tags.FILL_ORDER, tags.PLANAR, *without)
    kept = {tag: each for tag, each in page.fields.items() if tag not in left_out}
    return {**kept, tags.STRIP_ROWS: directories.field(page.order, LONG, samples.strip_rows(page))}


def _replaced(page: Page, effect: Effect) -> Parts:
    """Replace the pixels of a page by black and white, and by alpha if it had any."""
    import numpy as np

    result = effect(colours.picture(page, samples.whole(page)))
    levels = np.asarray(result) if isinstance(result, Image.Image) else result
    levels = levels.reshape(*levels.shape[:2], -1)
    channels, left_out = levels.shape[2], [tags.PALETTE, tags.INK_SET]
    if channels == 1:
        left_out += [tags.EXTRA, tags.SAMPLE_FORMAT, tags.PREDICTOR]
    elif page.is_associated:
        levels = levels * (levels[..., 1:] > 0)  # white is as bright as its alpha allows
        levels[..., 0] = np.minimum(levels[..., 0], levels[..., 1])
    bits = [1] if channels == 1 else [8 * levels.dtype.itemsize] * 2
    new = {tags.BITS: bits, tags.CHANNELS: [channels], tags.PHOTOMETRIC: [tags.BLACK_IS_ZERO]}
    fields = _in_strips(page, *left_out)
    fields.update({tag: directories.field(page.order, SHORT, *each) for tag, each in new.items()})
    return fields, samples.encoded(page._replace(fields=fields), levels)


def _without_profile(
    page: Page, fields: directories.Directory, strips: List[bytes], remark: Remark
) -> Parts:
    """Leave out a profile of colours beside levels of grey."""
    if page.kind > tags.BLACK_IS_ZERO and tags.PROFILE in fields:
        del fields[tags.PROFILE]
        remark("The colour profile was left out, since the colours became grey.")
    if page.kind == tags.INDEXED:
        remark("The palette became levels of grey.")
    return fields, strips


def _opened(page: Page) -> Image.Image:
    """Let Pillow decode a page, of which it gets to see no more than it needs."""
    fields = {tag: each for tag, each in page.fields.items() if tag in _LAYOUT}
    data = directories.write(page.order, [(fields, page.blocks())])
    return decode(data, "TIFF", DEFAULT_LIMITS)


def _recoded(page: Page, effect: Effect, remark: Remark) -> Parts:
    """Apply an effect to a page as Pillow reads it, and let Pillow code the result."""
    remark(f"The pixels were compressed again as JPEG of quality {_JPEG_QUALITY}.")
    result = effect(_opened(page))
    image = result.convert("L") if result.mode == "1" else result
    data = encode(image, "TIFF", compression="jpeg", quality=_JPEG_QUALITY)
    order, (new,) = directories.read(data, DEFAULT_LIMITS)
    fields = {tag: each for tag, each in page.fields.items() if tag not in _LAYOUT}
    for tag in _LAYOUT & set(new):
        numbers = new[tag].numbers(order)
        own = directories.field(page.order, new[tag].kind, *numbers) if numbers else new[tag]
        fields[tag] = own
    blocks = Page(data, order, new).blocks()
    if result.mode == "1" and page.kind != tags.BLACK_IS_ZERO:
        return _without_profile(page, fields, blocks, remark)
    return fields, blocks
