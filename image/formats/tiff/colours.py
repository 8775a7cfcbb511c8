"""Colours of a TIFF page: its samples as operations know levels, and mapped by a curve."""

from typing import Any, Tuple

from image.formats.tiff import tags
from image.formats.tiff.directories import SHORT, Field, field
from image.formats.tiff.pages import Page
from image.operations.levels import Curve, white_of

_INK = (tags.WHITE_IS_ZERO, tags.CMYK)


def picture(page: Page, samples: Any) -> Any:
    """Return samples as grey, or red, green and blue, where white is full, with their alpha."""
    import numpy as np

    kind, white = page[tags.PHOTOMETRIC], _white(page, samples)
    colours, rest = samples[..., : page.colours], samples[..., page.colours :]
    if kind == tags.INDEXED:
        entries, unit = _palette(page)
        palette = np.array(entries, "u2").reshape(3, -1).T >> (0 if unit == 1 else 8)
        colours = palette.astype("u1")[colours[..., 0]]
    elif kind == tags.CMYK:
        light = (white - colours[..., :3]) * (1 - colours[..., 3:] / white)
        colours = light.astype(colours.dtype)
    elif kind == tags.WHITE_IS_ZERO:
        colours = white - colours
    if page[tags.BITS] < 8 and kind != tags.INDEXED:
        colours = colours * (255 // white)
    return np.concatenate((colours, rest), axis=2) if rest.shape[2] == 1 else colours.copy()


def mapped(page: Page, curve: Curve, samples: Any) -> Any:
    """Map the colours among the samples; ink by its complement."""
    white, colours = _white(page, samples), samples[..., : page.colours]
    is_ink = page[tags.PHOTOMETRIC] in _INK
    levels = curve.map(white - colours if is_ink else colours, white)
    colours[:] = white - levels if is_ink else levels
    return samples


def mapped_palette(page: Page, curve: Curve) -> Field:
    """Map the colours of a palette: by sixteen bits, unless it holds no more than eight."""
    colours, unit = _palette(page)
    table = curve.table(65535 // max(unit, 256) if unit else 65535)
    levels = (table[level // (unit or 1)] * (unit or 1) for level in colours)
    return field(page.order, SHORT, *levels)


def _palette(page: Page) -> Tuple[Tuple[int, ...], int]:
    """Return a palette, and what one of 256 levels is in it, or 0 if there are more levels."""
    colours = page.numbers(tags.PALETTE)
    if len(colours) != 3 << page[tags.BITS]:
        raise ValueError("its palette is damaged or missing")
    steps = (step for step in (257, 256) if not any(level % step for level in colours))
    return colours, next(steps, int(max(colours) < 256))


def _white(page: Page, samples: Any) -> int:
    return white_of(samples) >> max(0, 8 - page[tags.BITS])
