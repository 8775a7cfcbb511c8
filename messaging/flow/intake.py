"""Intake: dispatches received messages to whichever thread is free."""

from __future__ import annotations

import threading
from collections import deque
from dataclasses import dataclass
from typing import Callable, Deque, Generic, List, TypeVar

T = TypeVar("T")


@dataclass
class Intake(Generic[T]):
    """Dispatches messages to the threads that call `take`; one that finds none polls for more.

    One caller polls at a time, so an idle queue costs one long poll however many callers there
    are. A full poll suggests a backlog, so another caller may then poll concurrently.

    Args:
        receive: polls; its argument says whether the poll before was full
        full: most messages that a poll returns
        polls: most concurrent polls
        wanted: whether to poll now; call `wake` when that changes
        give_back: takes what a poll returns after `close`
    """

    receive: Callable[[bool], List[T]]
    full: int
    polls: int
    wanted: Callable[[], bool] = lambda: True
    give_back: Callable[[List[T]], object] = lambda messages: None

    def __post_init__(self) -> None:
        self._fetched: Deque[T] = deque()
        self._backlog = False
        self._polling = 0
        self._handed = 0
        self._closed = False
        lock = threading.Lock()
        self._more = threading.Condition(lock)
        self._less = threading.Condition(lock)

    def take(self, most: int = 1) -> List[T]:
        """Block until there are messages, and return up to `most`; none once closed.

        After each non-empty `take` the caller has to call `done`, or `join` never returns.
        """
        while True:
            with self._more:
                self._more.wait_for(self._may_go_on)
                self._more.notify()  # another caller may be able to go on too
                if self._closed:
                    return []
                if self._fetched:
                    self._handed += 1
                    count = min(most, len(self._fetched))
                    return [self._fetched.popleft() for _ in range(count)]
                self._polling += 1
            self._poll()

    def done(self) -> None:
        """Report the messages of one `take` as handled."""
        with self._less:
            self._handed -= 1
            self._less.notify_all()

    def wake(self) -> None:
        """Let a waiting caller check again whether messages are wanted."""
        with self._more:
            self._more.notify()

    def close(self) -> List[T]:
        """Dispatch nothing more; return the messages that nobody has taken."""
        with self._more:
            self._closed = True
            left = list(self._fetched)
            self._fetched.clear()
            self._more.notify_all()
            return left

    def join(self) -> None:
        """Block until every message taken is handled."""
        with self._less:
            self._less.wait_for(lambda: not self._handed)

    def join_polls(self) -> None:
        """Block until the polls in flight have returned."""
        with self._less:
            self._less.wait_for(lambda: not self._polling)

    def _may_go_on(self) -> bool:
        free = not self._polling or (self._backlog and self._polling < self.polls)
        return self._closed or bool(self._fetched) or (free and self.wanted())

    def _poll(self) -> None:
        try:
            messages = self.receive(self._backlog)
            with self._more:
                self._backlog = len(messages) >= self.full
                late = self._closed
                self._fetched.extend([] if late else messages)
            if late:
                self.give_back(messages)
        finally:
            with self._more:
                self._polling -= 1
                self._less.notify_all()
