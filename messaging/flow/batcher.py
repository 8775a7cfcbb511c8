"""Batcher: gathers items into batches and works each off, on threads of its own."""

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

LINGER = 0.05  # seconds that an item waits for company while a batch is under way
TICK = 0.5  # seconds; what is to come again does so at such moments, together
LONGEST_PAUSE = 8.0  # seconds; what fails is tried at least so often once its cause is gone
LAST_PAUSE = 0.5  # seconds; the same once somebody waits for the end


class Batcher(Generic[T]):
    """Gathers items into batches, and works each off on one of its threads.

    A batch starts when it is full, when no other is under way (Nagle's algorithm, RFC 896), or
    when its oldest item has lingered. What is to come again waits for its own time, in nobody's
    way, and then joins the end of the line.

    Args:
        count: threads
        size: items in a batch at most
        room: items that may wait, to come again included, before `put` waits too
        work: does it, and raises nothing; gives the items that are to come again
    """

    def __init__(
        self, name: str, count: int, size: int, room: int, work: Callable[[List[T]], Sequence[T]]
    ) -> None:
        self._size = size
        self._room = room
        self._work = work
        self._line: Deque[Tuple[float, int, T]] = deque()  # since when, failures
        self._later: List[Tuple[float, int, int, T]] = []  # due, tie, failures
        self._tie = itertools.count()
        self._busy = 0  # items under way
        self._batches = 0  # under way
        self._longest = LONGEST_PAUSE
        self._closed = False
        lock = threading.Lock()
        self._more = threading.Condition(lock)
        self._less = threading.Condition(lock)
        for _ in range(count):
            threads.start(name, self._step)

    def put(self, items: Sequence[T]) -> None:
        """Add items; waits while there are too many, and forgets them once it is closed."""
        with self._less:
            self._less.wait_for(lambda: self._count() < self._room or self._closed)
            if not self._closed:
                self._line.extend((clock.now(), 0, item) for item in items)
                self._more.notify()

    def hurry(self) -> None:
        """Come to an end: try again soon what is to come again, and let nobody wait to put."""
        with self._less:
            self._room = sys.maxsize
            self._longest = LAST_PAUSE
            self._later = [(0.0, *each[1:]) for each in self._later]
            self._more.notify()
            self._less.notify_all()

    def join(self) -> None:
        """Wait until nothing is left to do."""
        with self._less:
            self._less.wait_for(lambda: not self._count() or self._closed)

    def close(self) -> None:
        """Forget what waits, and end the threads."""
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
        """Tell when the next batch may start, once what is due has joined the line."""
        now = clock.now()
        while self._later and self._later[0][0] <= now:
            self._line.append((now, *heapq.heappop(self._later)[2:]))
        due = self._later[0][0] if self._later else math.inf
        oldest = self._line[0][0] if self._line else math.inf
        return min(due, start_of(len(self._line), self._size, self._batches, oldest))

    def _end(self, batch: List[Tuple[int, T]], again: Sequence[T]) -> None:
        failures = {id(item): before + 1 for before, item in batch}
        share = random.random()  # one for all, so that what failed together comes again together
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
    """Tell when a batch may start: at once if it is full or alone, else when it has lingered."""
    if not waiting:
        return math.inf
    return oldest if waiting >= size or not under_way else oldest + LINGER


def due_at(now: float, failures: int, longest: float, share: float) -> float:
    """Tell when to try again after so many failures: at a tick, within 1, 2, 4 … `longest` s.

    Args:
        share: of the longest pause, at random from 0 to 1 (AWS's "full jitter")
    """
    pause = share * min(longest, 2.0 ** min(failures - 1, 10))
    return math.ceil((now + pause) / TICK) * TICK
