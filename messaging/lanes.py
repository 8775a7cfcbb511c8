"""Lanes: threads that take turns at one queue."""

from __future__ import annotations

import logging
import queue
import threading
import time
from typing import Callable, Generic, List, TypeVar

from .envelope import Delivery
from .queues import MAX_BATCH
from .trouble import AWS_ERRORS, explain

logger = logging.getLogger(__name__)

LONG_POLL = 20  # seconds, the longest that SQS allows


Batch = List[Delivery]
T = TypeVar("T")


class Lanes(Generic[T]):
    """Threads that each receive a batch, handle it, have it settled, and receive the next.

    One lane at a time waits for messages (leader and followers), so an idle queue costs one long
    poll however many lanes there are. After a full batch there may be more, so the next is taken
    without a wait or a turn, and a busy queue is fetched by several at once.

    Settling is waiting for the network: other threads, the settlers, do it while the lanes go on.
    When all of them are busy, the lanes wait too.

    Args:
        count: lanes
        settlers: threads that settle; with none the lanes do it themselves
        receive: takes the seconds to wait, gives the messages
        handle: handles a batch, gives what `settle` takes
        settle: does what is left to do
        wanted: tells whether to go on, and may block until that is so
        wait: seconds that a poll waits for messages
    """

    def __init__(
        self,
        count: int,
        settlers: int,
        receive: Callable[[int], Batch],
        handle: Callable[[Batch], T],
        settle: Callable[[T], object],
        wanted: Callable[[], bool],
        wait: int = LONG_POLL,
    ) -> None:
        self._receive = receive
        self._handle = handle
        self._settle = settle
        self._wanted = wanted
        self._wait = wait
        self._turn = threading.Lock()
        self._backlog = False
        self._handled: queue.Queue[T] = queue.Queue(1)
        self._pass_on = self._handled.put if settlers else settle
        self._ended = [threading.Event() for _ in range(count)]
        self._lanes = [_thread("lane", self._run, ended) for ended in self._ended]
        self._settlers = [_thread("settler", self._run_settler) for _ in range(settlers)]

    def start(self) -> None:
        """Start the threads."""
        for thread in (*self._settlers, *self._lanes):
            thread.start()

    def join(self) -> None:
        """Wait until all is settled; the lanes end when nothing is wanted any more.

        Waits for events, since Thread.join takes a thread for ended once KeyboardInterrupt
        has interrupted it (CPython before 3.13).
        """
        for thread, ended in zip(self._lanes, self._ended):
            if thread.ident:  # a start may have been interrupted
                ended.wait()
        self._handled.join()

    def _run(self, ended: threading.Event) -> None:
        while self._wanted():
            _carefully(self._take)
        ended.set()

    def _take(self) -> None:
        hasty = self._backlog and self._wanted()
        batch = self._receive(0) if hasty else self._wait_for_turn()
        self._backlog = len(batch) == MAX_BATCH
        if batch:
            self._pass_on(self._handle(batch))

    def _wait_for_turn(self) -> Batch:
        with self._turn:
            return self._receive(self._wait) if self._wanted() else []

    def _run_settler(self) -> None:
        while True:
            handled = self._handled.get()
            _carefully(self._settle, handled)
            self._handled.task_done()


def _thread(name: str, run: Callable[..., None], *arguments: object) -> threading.Thread:
    return threading.Thread(target=run, args=arguments, name=name, daemon=True)


def _carefully(step: Callable[..., object], *arguments: object) -> None:
    """Take a step of which no failure may end the thread."""
    try:
        step(*arguments)
    except AWS_ERRORS as error:
        logger.info("A batch was given up: %s.", explain(error))
    except Exception as error:
        logger.error("A batch was given up: %r. Going on in a second.", error)
        logger.debug("The cause:", exc_info=error)
        time.sleep(1)  # a fault of ours that comes each time shall not spin
