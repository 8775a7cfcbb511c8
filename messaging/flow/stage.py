"""Stage: a line of things to do, and threads that each do what waits there together."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from typing import Callable, Deque, Generic, List, Sequence, Tuple, TypeVar

from ..aws.patience import Patience
from .lanes import carefully

T = TypeVar("T")
logger = logging.getLogger(__name__)

APART = 0.05  # seconds that a step may hold up the next
SLOW = 10.0  # seconds after AWS failed in which it is asked less often
GATHERING = 1.0  # seconds that things are then left to gather
Failed = List[Tuple[T, Exception]]


class Stage(Generic[T]):
    """A line of things, and threads that each take what waits there and do a step with it.

    A step begins when no other is under way, or when as much waits as it can take (Nagle's
    algorithm, RFC 896, here with requests): so a thing that comes alone need not wait, and the
    busier the line, the more of them share a request.

    A thread that AWS refused rests, and the others go on. What it could not do goes along with
    what comes next, undivided, on whichever thread, or by itself when the rest is over.

    Args:
        doing: what the step does, by which to tell of trouble
        count: threads
        most: things that one of them takes at a time
        room: things that may wait before `put` waits too
        step: does it; gives what AWS failed to do, with the error of each
    """

    def __init__(
        self,
        doing: str,
        count: int,
        most: int,
        room: int,
        step: Callable[[List[T]], Failed[T]],
        patience: Patience,
    ) -> None:
        self._doing = doing
        self._most = most
        self._room = room
        self._step = step
        self._patience = patience
        self._fresh: Deque[T] = deque()
        self._again: Deque[List[T]] = deque()
        self._under_way = 0
        self._failed_at = float("-inf")
        self._closed = False
        self._lock = threading.Lock()
        self._more = threading.Condition(self._lock)  # to do
        self._ready = threading.Condition(self._lock)  # to begin a step
        self._less = threading.Condition(self._lock)  # to wait for
        self._threads = [
            threading.Thread(target=self._run, name=doing, daemon=True) for _ in range(count)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def put(self, things: Sequence[T]) -> None:
        """Have the step taken; waits while too much is waiting."""
        if not things:
            return
        with self._lock:
            self._less.wait_for(lambda: self._waiting() < self._room or self._closed)
            self._fresh.extend(things)
            self._notify()

    def join(self) -> None:
        """Wait until it has been taken for all that was put, or given up."""
        with self._lock:
            self._less.wait_for(lambda: not self._waiting() and not self._under_way)

    def close(self) -> None:
        """Forget what waits, and end the threads."""
        with self._lock:
            self._closed = True
            self._fresh.clear()
            self._again.clear()
            for condition in (self._more, self._ready, self._less):
                condition.notify_all()

    def _run(self) -> None:
        rested = False
        while not self._closed:
            rested = self._take(rested)

    def _take(self, rested: bool) -> bool:
        """Take a step; tell whether AWS failed, and the thread has rested since.

        Nothing of what was done is kept while waiting for the next.
        """
        things = self._gather(rested)
        failed = (carefully(self._step, things) if things else None) or []
        self._end(failed)
        if len(failed) < len(things):
            self._patience.recovered(self._doing)
        if failed and not self._patience.rest(self._doing, failed[0][1]):
            self._give_up()
        if failed and not self._again:  # others have seen to it
            self._patience.recovered(self._doing)
        return bool(failed)

    def _waiting(self) -> int:
        return len(self._fresh) + sum(map(len, self._again))

    def _notify(self) -> None:
        """Wake a thread if there is something to do for it."""
        if self._fresh:
            self._more.notify()
        if self._waiting() >= self._most:
            self._ready.notify()

    def _gather(self, rested: bool) -> List[T]:
        """Wait for something fresh, unless rested, and take what waits; first what failed."""
        with self._lock:
            self._more.wait_for(lambda: self._fresh or (rested and self._again) or self._closed)
            self._ready.wait_for(self._may_begin, APART)
            self._under_way += 1
            self._let_gather()
            things: List[T] = []
            while self._again and len(things) + len(self._again[0]) <= self._most:
                things += self._again.popleft()
            while self._fresh and len(things) < self._most:
                things.append(self._fresh.popleft())
            self._notify()
            self._less.notify_all()
            return things

    def _may_begin(self) -> bool:
        return not self._under_way or self._waiting() >= self._most or self._closed

    def _let_gather(self) -> None:
        """Ask AWS less often while it fails now and then, as long as more keeps coming."""
        for _ in range(2):
            before = self._waiting()
            if self._again or time.monotonic() - self._failed_at > SLOW:
                return
            self._ready.wait_for(lambda: self._waiting() >= self._most, GATHERING / 2)
            if self._waiting() == before:
                return

    def _end(self, failed: Failed[T]) -> None:
        """Let the next step begin, with what failed in this one."""
        with self._lock:
            self._under_way -= 1
            if failed:
                self._again.append([thing for thing, _ in failed])
                self._failed_at = time.monotonic()
            self._ready.notify()
            self._less.notify_all()

    def _give_up(self) -> None:
        """Forget what AWS keeps failing to do while the program is to end."""
        with self._lock:
            if self._again:
                count = sum(map(len, self._again))
                logger.warning("Cannot %s: giving up %d of them.", self._doing, count)
            self._again.clear()
            self._less.notify_all()
