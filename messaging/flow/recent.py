"""Recent: the most recent of many ids."""

from __future__ import annotations

from collections import OrderedDict
from typing import Iterable


class Recent:
    """Remembers the last `most` ids that were added; each of its steps is atomic."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._ids: OrderedDict[str, None] = OrderedDict()

    def __contains__(self, an_id: str) -> bool:
        return an_id in self._ids

    def add(self, ids: Iterable[str]) -> None:
        """Add ids; the oldest are forgotten to make room."""
        for each in ids:
            self._ids.setdefault(each)
        while len(self._ids) > self._most:
            self._ids.popitem(last=False)
