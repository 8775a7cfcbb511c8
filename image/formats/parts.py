"""Parts: what a file of any format is made of, each found by the walk beside its format."""

from itertools import islice
from typing import Callable, Iterable, List, NamedTuple

MOST_PARTS = 100_000
_JPEG = b"\xff\xd8\xff"
Remark = Callable[[str], object]  # called with a sentence about what is not kept


class Part(NamedTuple):
    """A part of a file: its kind, as the format names it, and where it begins and ends.

    The end may lie beyond that of a file that was cut off. Of what is between them `head` bytes
    at the beginning and `tail` bytes at the end are no content.
    """

    file: bytes
    kind: bytes
    start: int
    end: int
    head: int = 0
    tail: int = 0

    @property
    def raw(self) -> bytes:
        """Return it whole, as it stands in the file."""
        return self.file[self.start : self.end]

    @property
    def content(self) -> bytes:
        """Return what it says."""
        return self.file[self.start + self.head : self.end - self.tail]


def listed(walk: Iterable[Part]) -> List[Part]:
    """Return the parts that a walk finds; refuse a file of too many, which would take long."""
    parts = list(islice(walk, MOST_PARTS + 1))
    if len(parts) > MOST_PARTS:
        raise ValueError(f"it has more than {MOST_PARTS:,} parts")
    return parts


def remark_thumbnail(metadata: bytes, remark: Remark) -> None:
    """Remark on a small JPEG image in the metadata, which shows the picture as it was."""
    if _JPEG in metadata:
        remark("A thumbnail in the metadata still shows the picture as it was.")
