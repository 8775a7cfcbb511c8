"""Asking: one series of requests, its replies in order, and how long to wait for them."""

from __future__ import annotations

import contextlib
import queue
import threading
from concurrent import futures
from typing import Callable, Iterable, Iterator, Optional, Union

from .. import clock
from ..errors import ReplyTimeout
from ..flow import threads
from ..wire.envelope import Reply, Request
from .awaited import Awaited, Pending

LOOK = 1.0  # seconds between checks of the timeout; also how often the person sees it count

Item = Union[Request, Reply]


class Asking:
    """Reads items on a thread of its own, sends them, and yields their replies in order.

    Args:
        items: requests, and replies already known, which are passed through in their place
        submit: sends a request
        window: most items in flight, so that memory does not grow with their number
    """

    def __init__(
        self,
        items: Iterable[Item],
        submit: Callable[[Request], Pending],
        awaited: Awaited,
        window: int,
    ) -> None:
        self._source = iter(items)
        self._submit = submit
        self._awaited = awaited
        self._line: queue.Queue[Optional[Pending]] = queue.Queue(window)
        self._given_up = threading.Event()

    def replies(
        self, timeout: float, waiting: Callable[[float], None], advice: str
    ) -> Iterator[Reply]:
        """Yield the replies; raises ReplyTimeout with `advice`, or what the source raised."""
        threads.start("feeder", self._feed)
        pending: Optional[Pending] = None
        try:
            for pending in iter(self._line.get, None):
                self._wait(pending, timeout, waiting, advice)
                yield pending.future.result()
        finally:
            self._given_up.set()
            self._awaited.forget([pending] if pending else [])
            self._drain()

    def _feed(self) -> bool:
        """Submit the next item; return whether there may be another."""
        pending: Optional[Pending] = None
        try:
            item = next(self._source)
            pending = self._submit(item) if isinstance(item, Request) else Pending(Request(""))
            if isinstance(item, Reply):
                pending.settle(item)
        except StopIteration:
            pass
        except BaseException as error:  # raised by the source: passed to whoever reads the replies
            pending = Pending(Request(""))
            pending.fail(error)
        self._line.put(pending)
        if self._given_up.is_set():
            self._drain()
        return pending is not None and not self._given_up.is_set()

    def _wait(
        self, pending: Pending, timeout: float, waiting: Callable[[float], None], advice: str
    ) -> None:
        """Block until this reply; ReplyTimeout after `timeout` s in which no reply at all came.

        Time for which the machine was asleep does not count.
        """
        waited, shown, arrivals = 0.0, 0.0, self._awaited.arrivals
        while not pending.future.done():
            if waited >= timeout:
                raise ReplyTimeout(advice)
            waiting(shown)
            before = clock.now()
            futures.wait([pending.future], min(LOOK, timeout))
            step = min(clock.now() - before, 2 * LOOK)
            shown += step
            waited = waited + step if self._awaited.arrivals == arrivals else 0.0
            arrivals = self._awaited.arrivals

    def _drain(self) -> None:
        """Drop what is left in the line, so that the feeder does not block on it."""
        with contextlib.suppress(queue.Empty):
            while True:
                pending = self._line.get_nowait()
                self._awaited.forget([pending] if pending else [])
