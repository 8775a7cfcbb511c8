"""What all programs share around their own work: logging, signals, error lines, exit codes."""

from __future__ import annotations

import errno
import logging
import os
import sys
import threading
import time
import warnings
from typing import Any, Callable, List, NoReturn, Tuple

from ..aws.advice import explain
from ..aws.trouble import AWS_ERRORS
from ..errors import MessagingError
from . import signals, streams
from .service import serve
from .signals import INTERRUPTED

__all__ = ["DONE", "INTERRUPTED", "REFUSED", "run", "serve"]

logger = logging.getLogger(__name__)

DONE, REFUSED = 0, 1
AWS_FAILED = 4


def run(main: Callable[[List[str]], int], level: int = logging.WARNING) -> NoReturn:
    """Run a program and exit; any error is printed as one line, never as a traceback."""
    arguments = sys.argv[1:]
    _prepare(level, "--verbose" in arguments)
    try:
        code = main(arguments)
        streams.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        what, code = _told(error)
        if what:
            print(f"{os.path.basename(sys.argv[0])}: {what}", file=sys.stderr)
    sys.exit(_flushed(code))


def _flushed(code: int) -> int:
    try:
        streams.flush()
    except OSError:
        return code or REFUSED
    return code


def _told(error: Exception) -> Tuple[str, int]:
    """Return one line about an error, and the exit code."""
    if isinstance(error, BrokenPipeError):  # the reader of our output has seen enough
        return "", DONE
    if isinstance(error, MessagingError):
        return str(error), error.exit_code
    if isinstance(error, AWS_ERRORS):
        return explain(error), AWS_FAILED
    if isinstance(error, ModuleNotFoundError):
        how = f"{sys.executable} -m pip install -r requirements.txt"
        return f"{error.name} is not installed: run `{how}`, best in a virtual environment", REFUSED
    if isinstance(error, OSError) and error.errno:
        place = str(error.filename or "standard output" * (error.errno in _OF_STREAMS) or "it")
        return f"cannot use {place}: {os.strerror(error.errno)}", REFUSED
    if isinstance(error, MemoryError):
        return "there is not enough memory", REFUSED
    if "can't start new thread" in str(error):
        return "the system allows no more threads: raise its limit (`ulimit -u`)", REFUSED
    logger.debug("The cause:", exc_info=error)
    return f"a fault of this program: {error!r} (--verbose shows where)", REFUSED


_OF_STREAMS = (errno.EBADF, errno.ENOSPC, errno.EIO, errno.EDQUOT)


def _prepare(level: int, verbose: bool) -> None:
    """Set up logging, streams and signals of a process."""
    streams.prepare()
    style = "%(message)s" if level == logging.WARNING else "%(asctime)s %(levelname)s %(message)s"
    handler = logging.StreamHandler()
    handler.setFormatter(logging.Formatter(style, "%Y-%m-%dT%H:%M:%SZ"))
    logging.Formatter.converter = time.gmtime  # as in the keys of log objects
    # We report in one line what libraries log with a traceback.
    foreign = logging.WARNING if verbose else logging.CRITICAL + 1
    logging.raiseExceptions = False  # else work ends where its log line cannot be written
    logging.basicConfig(level=foreign, handlers=[handler])
    logging.getLogger(__package__.split(".")[0]).setLevel(logging.DEBUG if verbose else level)
    if not verbose:
        warnings.simplefilter("ignore")
    threading.excepthook = _tell_of_thread
    if level == logging.WARNING:
        signals.end_once()
    else:
        signals.interrupt()


def _tell_of_thread(what: Any) -> None:
    if what.exc_value is not None:
        logger.error("%s", _told(what.exc_value)[0], exc_info=None)
