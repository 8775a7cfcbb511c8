"""Metadata that are kept as they are, and what to say of them."""

from typing import Callable

Remark = Callable[[str], object]
_JPEG = b"\xff\xd8\xff"


def remark_thumbnail(metadata: bytes, remark: Remark) -> None:
    """Say so if metadata hold a small JPEG image, which shows the picture as it was."""
    if _JPEG in metadata:
        remark("A thumbnail in the metadata still shows the picture as it was.")
