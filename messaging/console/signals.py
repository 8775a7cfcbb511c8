"""Signals: how a person or the system ends a client, and how long its exit may take."""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import threading
import time
from typing import Iterator

INTERRUPTED = 130
LONGEST_END = 1.8  # seconds for cleaning up; a reply queue not deleted by then is swept later
_ENDING = [
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
]


def end_once() -> None:
    """Let the first signal end the program, and ignore further ones while it cleans up."""
    begun: queue.SimpleQueue[None] = queue.SimpleQueue()

    def end(number: int, frame: object) -> None:
        for each in _ENDING:
            signal.signal(each, signal.SIG_IGN)
        begun.put(None)
        if number == signal.SIGINT:
            raise KeyboardInterrupt
        raise SystemExit(INTERRUPTED)

    def bound() -> None:
        begun.get()
        time.sleep(LONGEST_END)
        os._exit(INTERRUPTED)

    threading.Thread(target=bound, name="bound", daemon=True).start()
    for number in _ENDING:
        if signal.getsignal(number) in (signal.SIG_DFL, signal.default_int_handler):
            signal.signal(number, end)


def interrupt() -> None:
    """Make SIGTERM and SIGHUP act like Ctrl-C."""
    for number in _ENDING:
        if signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


@contextlib.contextmanager
def coming_back() -> Iterator[None]:
    """Let Ctrl-C interrupt the body of the `with` statement instead of ending the program."""
    before = signal.getsignal(signal.SIGINT)
    if before == signal.SIG_IGN:
        yield
        return
    signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
