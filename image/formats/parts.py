"""Parts: what a file of any format is made of, each found by the walk beside its format."""

from itertools import islice
from typing import Iterable, List, NamedTuple

MOST_PARTS = 100_000


class Part(NamedTuple):
    """A part of a file: its kind, as the format names it, and where it begins and ends.

    The end may lie beyond that of a file that was cut off.
    """

    kind: bytes
    start: int
    end: int


def listed(walk: Iterable[Part]) -> List[Part]:
    """List the parts that a walk finds; refuse a file of too many, which would take long."""
    parts = list(islice(walk, MOST_PARTS + 1))
    if len(parts) > MOST_PARTS:
        raise ValueError(f"it has more than {MOST_PARTS:,} parts")
    return parts
