"""Batcher: gathers items into batches and processes them on threads of its own."""

from __future__ import annotations

import itertools
import math
import random
import sys
import threading
from bisect import insort
from dataclasses import dataclass
from typing import Callable, Generic, List, Sequence, Tuple, TypeVar

from .. import clock
from . import threads

T = TypeVar("T")
Entry = Tuple[float, int, int, T]  # when it may be taken, tie-breaker, failures so far, the item

LINGER = 0.05  # seconds; longer fills batches better and delays each item while one is in flight
TICK = 0.5  # seconds; retries fall due on such ticks, so that they share a batch
LONGEST_PAUSE = 8.0  # seconds; cap of the backoff, so how late work resumes after an outage
LAST_PAUSE = 0.5  # seconds; the same while shutting down


@dataclass
class Batcher(Generic[T]):
    """Gathers items into batches, and processes each batch on one of its threads.

    A batch starts when it is full, when no other is in flight (Nagle's algorithm, RFC 896), or
    when its oldest item has lingered long enough. An item to be retried backs off on its own,
    without holding up the others.

    Args:
        count: number of threads
        size: most items in a batch
        room: items held, retries included, at which `put` starts to block
        work: processes a batch without raising; returns the items to retry
    """

    name: str
    count: int
    size: int
    room: int
    work: Callable[[List[T]], Sequence[T]]

    def __post_init__(self) -> None:
        self._line: List[Entry[T]] = []  # sorted; retries come last, until they are due
        self._tie = itertools.count()
        self._held = 0  # items in the line or in flight
        self._batches = 0  # in flight
        self._longest = LONGEST_PAUSE
        self._closed = False
        lock = threading.Lock()
        self._more = threading.Condition(lock)
        self._less = threading.Condition(lock)
        for _ in range(self.count):
            threads.start(self.name, self._step)

    def put(self, items: Sequence[T]) -> None:
        """Add items; blocks while there is no room, and drops them once closed."""
        with self._less:
            self._less.wait_for(lambda: self._held < self.room or self._closed)
            if not self._closed:
                self._held += len(items)
                for item in items:
                    insort(self._line, (clock.now(), next(self._tie), 0, item))
                self._more.notify()

    def hurry(self) -> None:
        """Shut down soon: retry at once what is backing off, and no longer block in `put`."""
        with self._less:
            self.room = sys.maxsize
            self._longest = LAST_PAUSE
            self._line = sorted((0.0, *entry[1:]) for entry in self._line)
            self._more.notify()
            self._less.notify_all()

    def join(self) -> None:
        """Block until every item has been processed, or the batcher is closed."""
        with self._less:
            self._less.wait_for(lambda: not self._held or self._closed)

    def close(self) -> None:
        """Drop what is still waiting, and end the threads."""
        with self._more:
            self._closed = True
            self._line.clear()
            self._more.notify_all()
            self._less.notify_all()

    def _step(self) -> bool:
        batch = self._take()
        again: Sequence[T] = ()
        try:
            if batch:
                again = self.work([item for *_, item in batch])
        finally:
            self._end(batch, again)
        return not self._closed

    def _take(self) -> List[Entry[T]]:
        with self._more:
            while not self._closed and (left := self._left()) > 0:
                self._more.wait(min(left, threading.TIMEOUT_MAX))
            batch = [entry for entry in self._line[: self.size] if entry[0] <= clock.now()]
            del self._line[: len(batch)]
            self._batches += 1
            self._more.notify()
            return batch

    def _left(self) -> float:
        moments = [entry[0] for entry in self._line[: self.size]]
        return start_of(moments, self.size, self._batches) - clock.now()

    def _end(self, batch: List[Entry[T]], again: Sequence[T]) -> None:
        failures = {id(item): before + 1 for *_, before, item in batch}
        share = random.random()  # one for all, so that what failed together is retried together
        with self._more:
            self._held -= len(batch) - len(again)
            self._batches -= 1
            for item in () if self._closed else again:
                failed = failures.get(id(item), 1)
                moment = due_at(clock.now(), failed, self._longest, share)
                insort(self._line, (moment, next(self._tie), failed, item))
            self._less.notify_all()


def start_of(moments: Sequence[float], size: int, under_way: int) -> float:
    """Return when a batch may start: when it is full, or alone, or its oldest item has lingered.

    Args:
        moments: when each of the first items may be taken, in order
    """
    full = moments[size - 1] if len(moments) >= size else math.inf
    return min(full, moments[0] + (LINGER if under_way else 0.0)) if moments else full


def due_at(now: float, failures: int, longest: float, share: float) -> float:
    """Return when to retry after so many failures: after the backoff, on the next tick."""
    return math.ceil((now + clock.backoff(failures, longest, share)) / TICK) * TICK
