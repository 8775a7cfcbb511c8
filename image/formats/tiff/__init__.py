"""TIFF: pages and their tags are taken apart and put together here, strips coded by Pillow."""

from image.formats.tiff.document import process

__all__ = ["process"]
