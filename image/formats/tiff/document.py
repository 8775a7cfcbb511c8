"""TIFF documents: each page edited by itself, and all its tags kept that fit its new pixels."""

from io import BytesIO
from typing import Any, Callable, Dict, Iterator, List, Tuple

from PIL import Image
from PIL.TiffTags import lookup

from image.formats.limits import DEFAULT_LIMITS, Limits, open_image
from image.formats.metadata import remark_thumbnail
from image.formats.tiff import colours, pages, samples
from image.formats.tiff import directories as tags
from image.formats.tiff.pages import Page
from image.operations.levels import Curve
from image.operations.table import Edit, Effect

_BIG = (b"II+\0", b"MM\0+")
_JPEG_QUALITY = 90
_PROFILE, _PHOTOSHOP = 34675, 34377
_TILES = (tags.TILE_WIDTH, pages.TILE_ROWS, tags.TILE_OFFSETS, tags.TILE_COUNTS)
_CODING = (347, *range(512, 522), 529, 530, 531, 532)  # of JPEG and of its colours
_LAYOUT = {
    *(pages.WIDTH, pages.HEIGHT, pages.BITS, pages.COMPRESSION, pages.PHOTOMETRIC),
    *(pages.CHANNELS, pages.STRIP_ROWS, pages.PLANAR, pages.PALETTE, pages.FILL_ORDER),
    *(pages.EXTRA, pages.SAMPLE_FORMAT, 292, 293, *_TILES, *_CODING),
    *(tags.STRIP_OFFSETS, tags.STRIP_COUNTS),
}
_STALE = (280, 281, 330, 340, 341, 37724)  # lowest and highest levels, smaller copies, layers
_SHORTS = (pages.BITS, pages.COMPRESSION, pages.PHOTOMETRIC, pages.CHANNELS)

Remark = Callable[[str], None]
Parts = Tuple[tags.Directory, List[bytes]]


def process(data: bytes, edit: Edit, limits: Limits, remark: Remark) -> bytes:
    """Apply an edit to a TIFF file; keep its pages, their compression and their tags."""
    if not limits.tiff:
        raise ValueError("TIFF is switched off here")
    if data.startswith(_BIG):
        raise ValueError("it is a BigTIFF, which is not known here: save it as a plain TIFF")
    order, directories = tags.read(data, limits, remark)
    document = [Page(data, order, directory) for directory in directories]
    limits.check_pixels(sum(page.check(limits) for page in document))
    effect = edit.effect(picture for page in document for picture in _pictures(page))
    return tags.write(order, (_edited(page, effect, remark) for page in document))


def _pictures(page: Page) -> Iterator[Any]:
    """Give what an effect may want to see of a page before it is applied."""
    if not page.codes_bytes:
        yield _opened(page)
    elif page.planes > 1:
        yield colours.picture(page, colours.joined(page))
    else:
        yield from (colours.picture(page, band) for band in samples.decoded(page))


def _edited(page: Page, effect: Effect, remark: Remark) -> Parts:
    stale = [lookup(tag).name for tag in _STALE if tag in page.fields]
    if stale:
        remark(f"Tags that belong to the old pixels were left out: {', '.join(stale)}.")
    if _PHOTOSHOP in page.fields:
        remark_thumbnail(page.fields[_PHOTOSHOP].raw, remark)
    page = page._replace(fields={t: f for t, f in page.fields.items() if t not in _STALE})
    if page.is_bilevel:
        return page.fields, page.blocks()
    if not page.codes_bytes:
        return _recoded(page, effect, remark)
    if not isinstance(effect, Curve):
        return _without_profile(page, *_replaced(page, effect), remark)
    if page.kind == pages.INDEXED:
        palette = colours.mapped_palette(page, effect)
        return {**page.fields, pages.PALETTE: palette}, page.blocks()
    return _mapped(page, effect, remark)


def _mapped(page: Page, curve: Curve, remark: Remark) -> Parts:
    """Map the levels of a page, a band of rows at a time."""
    if tags.TILE_WIDTH in page.fields:
        remark("The tiles became strips.")
    fields, strips = _in_strips(page), []
    if page.planes > 1 and page.is_associated:
        result = colours.mapped(page, curve, colours.joined(page), page.colours)
        for plane in range(page.planes):
            strips += samples.encoded(page, result[..., plane : plane + 1])
        return fields, strips
    for plane in range(page.planes):
        count = page.colours if page.planes == 1 else int(plane < page.colours)
        for band in samples.decoded(page, plane):
            strips += samples.encoded(page, colours.mapped(page, curve, band, count))
    return fields, strips


def _in_strips(page: Page, *without: int) -> tags.Directory:
    """Give the fields of a page without tiles and without the tags given."""
    left_out = (*_TILES, pages.FILL_ORDER, *without)
    kept = {tag: each for tag, each in page.fields.items() if tag not in left_out}
    return {**kept, pages.STRIP_ROWS: tags.field(page.order, tags.LONG, samples.strip_rows(page))}


def _replaced(page: Page, effect: Effect) -> Parts:
    """Replace the pixels of a page by black and white, and by alpha if it had any."""
    import numpy as np

    result = effect(colours.picture(page, colours.joined(page)))
    levels = np.asarray(result) if isinstance(result, Image.Image) else result
    levels = levels.reshape(*levels.shape[:2], -1)
    channels, left_out = levels.shape[2], [pages.PALETTE, pages.PLANAR, pages.INK_SET]
    if channels == 1:
        left_out += [pages.EXTRA, pages.SAMPLE_FORMAT, pages.PREDICTOR]
    elif page.is_associated:
        levels = levels * (levels[..., 1:] > 0)  # white is as bright as its alpha allows
        levels[..., 0] = np.minimum(levels[..., 0], levels[..., 1])
    bits = [1] if channels == 1 else [8 * levels.dtype.itemsize] * 2
    new = {pages.BITS: bits, pages.CHANNELS: [channels], pages.PHOTOMETRIC: [pages.BLACK_IS_ZERO]}
    fields = _in_strips(page, *left_out)
    fields.update({tag: tags.field(page.order, tags.SHORT, *each) for tag, each in new.items()})
    return fields, samples.encoded(page._replace(fields=fields), levels)


def _without_profile(
    page: Page, fields: tags.Directory, strips: List[bytes], remark: Remark
) -> Parts:
    """Leave out a profile of colours beside levels of grey."""
    if page.kind > pages.BLACK_IS_ZERO and _PROFILE in fields:
        del fields[_PROFILE]
        remark("The colour profile was left out, since the colours became grey.")
    if page.kind == pages.INDEXED:
        remark("The palette became levels of grey.")
    return fields, strips


def _opened(page: Page) -> Image.Image:
    """Let Pillow decode a page, of which it gets to see no more than it needs."""
    fields = {tag: each for tag, each in page.fields.items() if tag in _LAYOUT}
    data = tags.write(page.order, [(fields, page.blocks())])
    image = open_image(data, "TIFF", DEFAULT_LIMITS)
    image.load()
    return image


def _recoded(page: Page, effect: Effect, remark: Remark) -> Parts:
    """Apply an effect to a page as Pillow reads it, and let Pillow code the result."""
    coding = pages.CODINGS.get(page.number(pages.COMPRESSION), "jpeg")
    if coding == "jpeg":
        remark(f"The pixels were compressed again as JPEG of quality {_JPEG_QUALITY}.")
    else:
        remark("The pixels of luminance and chroma became red, green and blue.")
    result, buffer = effect(_opened(page)), BytesIO()
    image = result.convert("L") if result.mode == "1" else result
    options: Dict[str, Any] = {"quality": _JPEG_QUALITY} if coding == "jpeg" else {}
    image.info = {}
    image.save(buffer, "TIFF", compression=coding, **options)
    order, (new,) = tags.read(buffer.getvalue(), DEFAULT_LIMITS)
    fields = {tag: each for tag, each in page.fields.items() if tag not in _LAYOUT}
    for tag in _LAYOUT & set(new):
        numbers = new[tag].numbers(order)
        own = tags.field(page.order, new[tag].kind, *numbers) if numbers else new[tag]
        fields[tag] = own
    blocks = Page(buffer.getvalue(), order, new).blocks()
    if result.mode == "1" and page.kind != pages.BLACK_IS_ZERO:
        return _without_profile(page, fields, blocks, remark)
    return fields, blocks
