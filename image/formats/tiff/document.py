"""TIFF documents: each page edited by itself, and all its tags kept that fit its new pixels."""

from itertools import islice
from typing import Any, Collection, Iterable

from PIL.TiffTags import lookup

from image.formats.limits import Limits
from image.formats.parts import Remark, remark_thumbnail
from image.formats.tiff import tags
from image.formats.tiff.colours import mapped, mapped_palette, picture
from image.formats.tiff.directories import LONG, SHORT, Directory, Parts, Reader, field, write
from image.formats.tiff.pages import Page
from image.formats.tiff.samples import decoded, encoded, strip_rows
from image.operations.levels import Curve
from image.operations.table import Edit, Effect

_BIG = (b"II+\0", b"MM\0+")
_OF_BLOCKS = {tags.TILE_WIDTH, tags.TILE_ROWS, *tags.TILES, tags.FILL_ORDER, tags.PLANAR}
_OF_MORE_BITS = {tags.EXTRA, tags.SAMPLE_FORMAT, tags.PREDICTOR}


def process(data: bytes, edit: Edit, limits: Limits, remark: Remark) -> bytes:
    """Apply an edit to a TIFF file; keep its pages, their compression and their tags."""
    if not limits.tiff:
        raise ValueError("TIFF is switched off here")
    if data.startswith(_BIG):
        raise ValueError("it is a BigTIFF, which is not known here: save it as a plain TIFF")
    reader = Reader(data)
    pages = [Page(*parts) for parts in islice(reader.pages(remark), limits.frames + 1)]
    limits.check_frames(len(pages))
    limits.check_pixels(sum(page.check() for page in pages))
    grey = (page for page in pages if not page.is_bilevel)
    effect = edit.effect(picture(page, band) for page in grey for band in decoded(page))
    return write(reader.order, (_edited(page, effect, remark) for page in pages))


def _edited(page: Page, effect: Effect, remark: Remark) -> Parts:
    stale = [lookup(tag).name for tag in tags.STALE if tag in page.fields]
    if stale:
        remark(f"Tags that belong to the old pixels were left out: {', '.join(stale)}.")
    if tags.PHOTOSHOP in page.fields:
        remark_thumbnail(page.fields[tags.PHOTOSHOP].raw, remark)
    kept = Page(_without(page.fields, tags.STALE), page.blocks)
    if kept.is_bilevel:
        return kept.fields, kept.blocks
    if not isinstance(effect, Curve):
        return _replaced(kept, effect, remark)
    if kept[tags.PHOTOMETRIC] == tags.INDEXED:
        return {**kept.fields, tags.PALETTE: mapped_palette(kept, effect)}, kept.blocks
    if tags.TILE_WIDTH in kept.fields:
        remark("The tiles became strips.")
    if kept.planes > 1:
        remark("The planes of its channels became one.")
    bands = (mapped(kept, effect, band) for band in decoded(kept))
    return _coded(kept, kept.fields, bands)


def _replaced(page: Page, effect: Effect, remark: Remark) -> Parts:
    """Replace the pixels of a page by black and white, and by alpha if it had any."""
    import numpy as np

    source = np.concatenate([picture(page, band) for band in decoded(page)])
    levels = np.asarray(effect(source))
    levels = levels.reshape(*levels.shape[:2], -1)
    channels, kind = levels.shape[2], page[tags.PHOTOMETRIC]
    bits = [1] if channels == 1 else [8 * levels.itemsize] * 2
    new = {tags.BITS: bits, tags.CHANNELS: [channels], tags.PHOTOMETRIC: [tags.BLACK_IS_ZERO]}
    left_out = {tags.PALETTE, tags.INK_SET, *(_OF_MORE_BITS if channels == 1 else ())}
    if kind > tags.BLACK_IS_ZERO and tags.PROFILE in page.fields:
        left_out.add(tags.PROFILE)
        remark("The colour profile was left out, since the colours became grey.")
    if kind == tags.INDEXED:
        remark("The palette became levels of grey.")
    fields = {tag: field(page.order, SHORT, *numbers) for tag, numbers in new.items()}
    return _coded(page, {**_without(page.fields, left_out), **fields}, [levels])


def _coded(page: Page, fields: Directory, bands: Iterable[Any]) -> Parts:
    """Code the bands of a page in strips, with these fields."""
    rows = field(page.order, LONG, strip_rows(page))
    new = Page({**_without(fields, _OF_BLOCKS), tags.STRIP_ROWS: rows}, ())
    return new.fields, [strip for band in bands for strip in encoded(new, band)]


def _without(fields: Directory, left_out: Collection[int]) -> Directory:
    return {tag: each for tag, each in fields.items() if tag not in left_out}
