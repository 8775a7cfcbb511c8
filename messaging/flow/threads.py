"""Threads that nothing ends but their own work: what it raises is told, and it goes on."""

from __future__ import annotations

import logging
import threading
import time
from concurrent.futures import Future
from typing import Callable, TypeVar

T = TypeVar("T")
logger = logging.getLogger(__name__)


def start(name: str, step: Callable[[], bool]) -> None:
    """Start a thread that takes a step after the other, until one gives False."""

    def run() -> None:
        while _careful(name, step):
            pass

    threading.Thread(target=run, name=name, daemon=True).start()


def background(name: str, call: Callable[[], T]) -> Future[T]:
    """Start a call on a thread of its own, which does not hold up the end of the program."""
    future: Future[T] = Future()

    def run() -> None:
        try:
            future.set_result(call())
        except BaseException as error:  # it belongs to whoever asks for the result
            future.set_exception(error)

    threading.Thread(target=run, name=name, daemon=True).start()
    return future


def _careful(name: str, step: Callable[[], bool]) -> bool:
    try:
        return step()
    except BaseException as error:  # a library's SystemExit must not end a thread unseen either
        logger.error("Trouble in the %s thread: %r. Going on in a second.", name, error)
        logger.debug("The cause:", exc_info=error)
        time.sleep(1)  # what comes each time shall not spin
        return True
