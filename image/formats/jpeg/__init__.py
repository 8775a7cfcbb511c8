"""JPEG: its segments, its scan in strips, and what becomes of each part."""

from image.formats.jpeg.rewriter import process

__all__ = ["process"]
