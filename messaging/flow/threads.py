"""Threads that survive exceptions: each is logged, and the thread goes on."""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from concurrent.futures import Future
from typing import Callable, TypeVar

T = TypeVar("T")
logger = logging.getLogger(__name__)


def start(name: str, step: Callable[[], bool]) -> None:
    """Start a daemon thread that calls `step` again and again until it returns False."""

    def run() -> None:
        going = True
        while going:
            try:
                going = step()
            except BaseException as error:  # a library's SystemExit must not end it silently
                with contextlib.suppress(BaseException):  # logging fails if its stream was closed
                    logger.error("Trouble in the %s thread: %r. Going on in a second.", name, error)
                    logger.debug("The cause:", exc_info=error)
                time.sleep(1)  # a step that always fails must not spin

    threading.Thread(target=run, name=name, daemon=True).start()


def background(name: str, call: Callable[[], T]) -> Future[T]:
    """Run a call on a daemon thread, which does not keep the program alive."""
    future: Future[T] = Future()

    def run() -> bool:
        try:
            future.set_result(call())
        except BaseException as error:  # raised where the result is asked for
            future.set_exception(error)
        return False

    start(name, run)
    return future
