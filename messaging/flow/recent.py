"""Recent: the most recent of many ids."""

import threading
from collections import deque
from typing import Deque, Iterable, Set


class Recent:
    """Remembers the last `most` ids that were added."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._ids: Set[str] = set()
        self._order: Deque[str] = deque()

    def __contains__(self, an_id: str) -> bool:
        return an_id in self._ids

    def add(self, ids: Iterable[str]) -> None:
        """Add ids; the oldest are forgotten to make room."""
        with self._lock:
            new = [each for each in dict.fromkeys(ids) if each not in self._ids]
            self._ids.update(new)
            self._order.extend(new)
            while len(self._order) > self._most:
                self._ids.remove(self._order.popleft())
