"""Asking: one series of requests, its replies in order, and how long to wait for them."""

from __future__ import annotations

import contextlib
import queue
from concurrent import futures
from dataclasses import dataclass
from typing import Callable, Iterable, Iterator, Union

from ..errors import ReplyTimeout
from ..flow import threads
from ..wire.envelope import Reply, Request
from .awaited import Awaited, Pending

LOOK = 1.0  # seconds between checks of the timeout; also how often the person sees it count
END = Pending(Request(""))  # comes after the last item

Item = Union[Request, Reply]


@dataclass
class Asking:
    """Reads items on a thread of its own, sends them, and yields their replies in order.

    Args:
        items: requests, and replies already known, which are passed through in their place
        submit: sends a request
        window: most items in flight, so that memory does not grow with their number
        timeout: seconds without any reply after which to raise ReplyTimeout with `advice`
        waiting: called at the start of a wait and every second with the seconds so far
    """

    items: Iterable[Item]
    submit: Callable[[Request], Pending]
    awaited: Awaited
    window: int
    timeout: float
    waiting: Callable[[float], None]
    advice: str

    def replies(self) -> Iterator[Reply]:
        """Yield the replies; raises ReplyTimeout, or what the source raised."""
        self._source = iter(self.items)
        self._line: queue.Queue[Pending] = queue.Queue(max(1, self.window))
        self._given_up = False
        threads.start("feeder", self._feed)
        pending = END
        try:
            for pending in iter(self._line.get, END):
                self._wait(pending)
                yield pending.future.result()
        finally:
            self._given_up = True
            pending.future.cancel()
            self._drain()

    def _feed(self) -> bool:
        """Submit the next item; return whether there may be another."""
        pending = Pending(Request(""))
        try:
            item = next(self._source, END)
            if isinstance(item, Reply):
                pending.settle(item)
            else:
                pending = END if isinstance(item, Pending) else self.submit(item)
        except BaseException as error:  # raised by the source: passed to whoever reads the replies
            pending.fail(error)
        self._line.put(pending)
        if self._given_up:
            self._drain()
        return pending is not END and not self._given_up

    def _wait(self, pending: Pending) -> None:
        """Block until this reply; looks are counted, so time for which we sleep is not."""
        waited = shown = 0.0
        look = min(LOOK, self.timeout)
        while not pending.future.done():
            if waited >= self.timeout:
                raise ReplyTimeout(self.advice)
            arrivals = self.awaited.arrivals
            self.waiting(shown)
            futures.wait([pending.future], look)
            shown += look
            waited = waited + look if self.awaited.arrivals == arrivals else 0.0

    def _drain(self) -> None:
        """Cancel what is left in the line, so that the feeder does not block on it."""
        with contextlib.suppress(queue.Empty):
            while True:
                self._line.get_nowait().future.cancel()
