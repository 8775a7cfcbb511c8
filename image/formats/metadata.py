"""Metadata that are kept as they are, and the remarks on what is not."""

from typing import Callable

Remark = Callable[[str], object]
_JPEG = b"\xff\xd8\xff"


def remark_thumbnail(metadata: bytes, remark: Remark) -> None:
    """Remark on a small JPEG image in the metadata, which shows the picture as it was."""
    if _JPEG in metadata:
        remark("A thumbnail in the metadata still shows the picture as it was.")
