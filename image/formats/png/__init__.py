"""PNG, still and animated: its chunks, its pixels in and out, and what becomes of each part."""

from image.formats.png.rewriter import process

__all__ = ["process"]
