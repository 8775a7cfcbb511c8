"""Colours of a TIFF page: its samples as operations know levels, and mapped by a curve."""

from typing import Any, Tuple

from image.formats.tiff import tags
from image.formats.tiff.directories import SHORT, Field, field
from image.formats.tiff.pages import Page
from image.operations.levels import Curve, white_of

_INK = (tags.WHITE_IS_ZERO, tags.CMYK)


def picture(page: Page, levels: Any) -> Any:
    """Give the samples as grey, or red, green and blue, where white is full, with their alpha."""
    import numpy as np

    colours, rest = levels[..., : page.colours], levels[..., page.colours :]
    white = _white(page, levels)
    if page.kind == tags.INDEXED:
        entries, unit = _palette(page)
        palette = np.array(entries, "u2").reshape(3, -1).T >> (0 if unit == 1 else 8)
        colours = palette.astype("u1")[colours[..., 0]]
    elif page.kind == tags.CMYK:
        colours = ((white - colours[..., :3]) * (1 - colours[..., 3:] / white)).astype(levels.dtype)
    elif page.kind == tags.WHITE_IS_ZERO:
        colours = white - colours
    if page.bits < 8 and page.kind != tags.INDEXED:
        colours = colours * (255 // white)
    if rest.shape[2] != 1 or page.kind >= tags.LAB:
        return colours.copy()
    if page.is_associated:
        colours = np.minimum(colours / np.maximum(rest, 1) * white, white).astype(levels.dtype)
    return np.concatenate((colours, rest), axis=2)


def mapped(page: Page, curve: Curve, levels: Any) -> Any:
    """Map the colours among the samples."""
    white, colours = _white(page, levels), levels[..., : page.colours]
    if page.is_associated:
        colours[:] = _mapped_associated(curve, colours, levels[..., page.colours, None], white)
    elif page.kind in _INK:
        colours[:] = white - curve.map(white - colours, white)
    else:
        colours[:] = curve.map(colours, white)
    return levels


def _mapped_associated(curve: Curve, colours: Any, alpha: Any, white: Any) -> Any:
    """Map colours as they were before they were multiplied by their alpha."""
    import numpy as np

    bare = colours / np.where(alpha > 0, alpha, white)
    return np.where(alpha > 0, np.minimum(np.rint(curve.level(bare) * alpha), white), colours)


def mapped_palette(page: Page, curve: Curve) -> Field:
    """Map the colours of a palette: by sixteen bits, unless it holds no more than eight."""
    colours, unit = _palette(page)
    table = curve.table(65535 // max(unit, 256) if unit else 65535)
    levels = (table[level // (unit or 1)] * (unit or 1) for level in colours)
    return field(page.order, SHORT, *levels)


def _palette(page: Page) -> Tuple[Tuple[int, ...], int]:
    """Give a palette, and what one of 256 levels is in it, or 0 if there are more levels."""
    colours = page.numbers(tags.PALETTE)
    if len(colours) != 3 << page.bits:
        raise ValueError("its palette is damaged or missing")
    steps = (step for step in (257, 256) if not any(level % step for level in colours))
    return colours, next(steps, int(max(colours) < 256))


def _white(page: Page, levels: Any) -> int:
    return white_of(levels) >> max(0, 8 - page.bits)
