"""Lanes: threads that take turns at one queue."""

from __future__ import annotations

import logging
import threading
import time
from typing import Callable, List, Optional, TypeVar

from ..aws.patience import Patience
from ..aws.queues import MAX_BATCH
from ..aws.trouble import AWS_ERRORS
from ..wire.envelope import Delivery

logger = logging.getLogger(__name__)

LONG_POLL = 20  # seconds, the longest that SQS allows

Batch = List[Delivery]
R = TypeVar("R")


class Lanes:
    """Threads that each receive a batch, handle it, and receive the next.

    One lane at a time waits for messages (leader and followers), so an idle queue costs one long
    poll however many lanes there are. After a full batch there may be more, so the next is taken
    without waiting for a turn, and a busy queue is fetched by several at once. A lane that AWS
    refused rests, and gives the turn away.

    Args:
        doing: what receiving is called, by which to tell of trouble
        count: lanes
        receive: takes the seconds to wait, gives the messages
        handle: handles a batch
        wanted: tells whether to go on, and may block until that is so
        wait: seconds that a poll waits for messages
        hasty: the same right after a full batch
    """

    def __init__(
        self,
        doing: str,
        count: int,
        receive: Callable[[int], Batch],
        handle: Callable[[Batch], object],
        wanted: Callable[[], bool],
        patience: Patience,
        wait: int = LONG_POLL,
        hasty: int = 0,
    ) -> None:
        self._doing = doing
        self._receive = receive
        self._handle = handle
        self._wanted = wanted
        self._patience = patience
        self._wait = wait
        self._hasty = hasty
        self._turn = threading.Lock()
        self._backlog = False
        self._ended = [threading.Event() for _ in range(count)]
        self._threads = [
            threading.Thread(target=self._run, args=(ended,), name="lane", daemon=True)
            for ended in self._ended
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def join(self) -> None:
        """Wait for the lanes, which end when nothing is wanted any more.

        Waits for events, since Thread.join takes a thread for ended once KeyboardInterrupt
        has interrupted it (CPython before 3.13).
        """
        for thread, ended in zip(self._threads, self._ended):
            if thread.ident:  # a start may have been interrupted
                ended.wait()

    def _run(self, ended: threading.Event) -> None:
        while self._wanted():
            carefully(self._take)
        ended.set()

    def _take(self) -> None:
        hasty = self._backlog and self._wanted()
        try:
            batch = self._receive(self._hasty) if hasty else self._wait_for_turn()
        except AWS_ERRORS as error:
            self._patience.rest(self._doing, error)
            return
        self._patience.recovered(self._doing)
        self._backlog = len(batch) == MAX_BATCH
        if batch:
            self._handle(batch)

    def _wait_for_turn(self) -> Batch:
        with self._turn:
            return self._receive(self._wait) if self._wanted() else []


def carefully(step: Callable[..., R], *arguments: object) -> Optional[R]:
    """Give what a step gives; no fault of ours in it may end the thread."""
    try:
        return step(*arguments)
    except Exception as error:
        logger.error("A batch was given up: %r. Going on in a second.", error)
        logger.debug("The cause:", exc_info=error)
        time.sleep(1)  # a fault of ours that comes each time shall not spin
        return None
