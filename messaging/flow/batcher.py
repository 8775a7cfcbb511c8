"""Batcher: gathers items into batches and processes them on threads of its own."""

from __future__ import annotations

import heapq
import itertools
import math
import random
import sys
import threading
from collections import deque
from typing import Callable, Deque, Generic, List, Sequence, Tuple, TypeVar

from .. import clock
from . import threads

T = TypeVar("T")

LINGER = 0.05  # seconds; longer fills batches better and delays each item while one is in flight
TICK = 0.5  # seconds; retries fall due on such ticks, so that they share a batch
LONGEST_PAUSE = 8.0  # seconds; cap of the backoff, so how late work resumes after an outage
LAST_PAUSE = 0.5  # seconds; the same while shutting down


class Batcher(Generic[T]):
    """Gathers items into batches, and processes each batch on one of its threads.

    A batch starts when it is full, when no other is in flight (Nagle's algorithm, RFC 896), or
    when its oldest item has lingered long enough. An item to be retried backs off on its own,
    without holding up the others, and then joins the end of the line.

    Args:
        count: number of threads
        size: most items in a batch
        room: items held, retries included, at which `put` starts to block
        work: processes a batch without raising; returns the items to retry
    """

    def __init__(
        self, name: str, count: int, size: int, room: int, work: Callable[[List[T]], Sequence[T]]
    ) -> None:
        self._size = size
        self._room = room
        self._work = work
        self._line: Deque[Tuple[float, int, T]] = deque()  # since when, failures
        self._later: List[Tuple[float, int, int, T]] = []  # due, tie-breaker, failures
        self._tie = itertools.count()
        self._busy = 0  # items in flight
        self._batches = 0  # in flight
        self._longest = LONGEST_PAUSE
        self._closed = False
        lock = threading.Lock()
        self._more = threading.Condition(lock)
        self._less = threading.Condition(lock)
        for _ in range(count):
            threads.start(name, self._step)

    def put(self, items: Sequence[T]) -> None:
        """Add items; blocks while there is no room, and drops them once closed."""
        with self._less:
            self._less.wait_for(lambda: self._count() < self._room or self._closed)
            if not self._closed:
                self._line.extend((clock.now(), 0, item) for item in items)
                self._more.notify()

    def hurry(self) -> None:
        """Shut down soon: retry at once what is backing off, and no longer block in `put`."""
        with self._less:
            self._room = sys.maxsize
            self._longest = LAST_PAUSE
            self._later = [(0.0, *each[1:]) for each in self._later]
            self._more.notify()
            self._less.notify_all()

    def join(self) -> None:
        """Block until every item has been processed, or the batcher is closed."""
        with self._less:
            self._less.wait_for(lambda: not self._count() or self._closed)

    def close(self) -> None:
        """Drop what is still waiting, and end the threads."""
        with self._more:
            self._closed = True
            self._line.clear()
            self._later.clear()
            self._more.notify_all()
            self._less.notify_all()

    def _count(self) -> int:
        return len(self._line) + len(self._later) + self._busy

    def _step(self) -> bool:
        batch = self._take()
        again: Sequence[T] = ()
        try:
            if batch:
                again = self._work([item for _, item in batch])
        finally:
            self._end(batch, again)
        return not self._closed

    def _take(self) -> List[Tuple[int, T]]:
        with self._more:
            while not self._closed and self._start() > clock.now():
                self._more.wait(min(self._start() - clock.now(), threading.TIMEOUT_MAX))
            batch = [self._line.popleft()[1:] for _ in range(min(self._size, len(self._line)))]
            self._busy += len(batch)
            self._batches += 1
            self._more.notify()
            return batch

    def _start(self) -> float:
        """Move retries that are due into the line; return when the next batch may start."""
        now = clock.now()
        while self._later and self._later[0][0] <= now:
            self._line.append((now, *heapq.heappop(self._later)[2:]))
        due = self._later[0][0] if self._later else math.inf
        oldest = self._line[0][0] if self._line else math.inf
        return min(due, start_of(len(self._line), self._size, self._batches, oldest))

    def _end(self, batch: List[Tuple[int, T]], again: Sequence[T]) -> None:
        failures = {id(item): before + 1 for before, item in batch}
        share = random.random()  # one for all, so that what failed together is retried together
        with self._more:
            self._busy -= len(batch)
            self._batches -= 1
            for item in () if self._closed else again:
                failed = failures.get(id(item), 1)
                moment = due_at(clock.now(), failed, self._longest, share)
                heapq.heappush(self._later, (moment, next(self._tie), failed, item))
            self._more.notify()
            self._less.notify_all()


def start_of(waiting: int, size: int, under_way: int, oldest: float) -> float:
    """Return when a batch may start: at once if full or none is in flight, else after LINGER."""
    if not waiting:
        return math.inf
    return oldest if waiting >= size or not under_way else oldest + LINGER


def due_at(now: float, failures: int, longest: float, share: float) -> float:
    """Return when to retry after so many failures: on a tick within 1, 2, 4 … `longest` s.

    Args:
        share: random fraction of the backoff, from 0 to 1 (AWS's "full jitter")
    """
    pause = share * min(longest, 2.0 ** min(failures - 1, 10))
    return math.ceil((now + pause) / TICK) * TICK
