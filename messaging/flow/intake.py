"""Intake: what is received, handed out to whoever is free."""

from __future__ import annotations

import threading
from collections import deque
from typing import Callable, Deque, Generic, List, TypeVar

T = TypeVar("T")


class Intake(Generic[T]):
    """Hands out messages; whoever finds none polls for more.

    One caller at a time polls, so an idle queue costs one long poll however many callers there
    are. After a full poll there may be more, so another may poll beside it: a busy queue is
    fetched by several at once.

    Args:
        receive: polls; takes whether a full poll came before it
        full: messages that a poll brings at most
        polls: polls at a time
        wanted: whether to poll now; `wake` has callers ask again
        give_back: takes what a poll brings once nothing is wanted any more
    """

    def __init__(
        self,
        receive: Callable[[bool], List[T]],
        full: int,
        polls: int,
        wanted: Callable[[], bool] = lambda: True,
        give_back: Callable[[List[T]], object] = lambda messages: None,
    ) -> None:
        self._receive = receive
        self._full = full
        self._most_polls = polls
        self._wanted = wanted
        self._give_back = give_back
        self._fetched: Deque[T] = deque()
        self._backlog = False
        self._polls = 0
        self._handed = 0
        self._closed = False
        lock = threading.Lock()
        self._more = threading.Condition(lock)
        self._less = threading.Condition(lock)

    def take(self, most: int = 1) -> List[T]:
        """Wait for messages, and give up to `most`; none when the intake is closed.

        Whoever took some calls `done` when they are handled.
        """
        while True:
            with self._more:
                self._more.wait_for(self._may_go_on)
                self._more.notify()  # somebody may go on beside us
                if self._closed:
                    return []
                if self._fetched:
                    self._handed += 1
                    count = min(most, len(self._fetched))
                    return [self._fetched.popleft() for _ in range(count)]
                self._polls += 1
            self._poll()

    def done(self) -> None:
        """Have handled what the last `take` gave."""
        with self._less:
            self._handed -= 1
            self._less.notify_all()

    def wake(self) -> None:
        """Have callers ask again whether messages are wanted."""
        with self._more:
            self._more.notify()

    def close(self) -> List[T]:
        """Hand out nothing any more; give what nobody has begun with."""
        with self._more:
            self._closed = True
            left = list(self._fetched)
            self._fetched.clear()
            self._more.notify_all()
            return left

    def join(self) -> None:
        """Wait until all that was handed out is handled."""
        with self._less:
            self._less.wait_for(lambda: not self._handed)

    def join_polls(self) -> None:
        """Wait until the polls under way have come back."""
        with self._less:
            self._less.wait_for(lambda: not self._polls)

    def _may_go_on(self) -> bool:
        free = not self._polls or (self._backlog and self._polls < self._most_polls)
        return self._closed or bool(self._fetched) or (free and self._wanted())

    def _poll(self) -> None:
        try:
            late = self._keep(self._receive(self._backlog))
            if late:
                self._give_back(late)
        finally:
            with self._more:
                self._polls -= 1
                self._more.notify()
                self._less.notify_all()

    def _keep(self, batch: List[T]) -> List[T]:
        """Have messages handed out; give those that came too late for it."""
        with self._more:
            if self._closed:
                return batch
            self._backlog = len(batch) >= self._full
            self._fetched.extend(batch)
            return []
