"""What the programs share at their edge: options, logging, signals, exit codes."""

from __future__ import annotations

import logging
import os
import signal
import sys
import warnings
from typing import Callable, List, NoReturn

from ..aws.advice import explain
from ..aws.trouble import AWS_ERRORS
from ..errors import MessagingError
from .service import serve

__all__ = ["DONE", "INTERRUPTED", "REFUSED", "run", "serve"]

logger = logging.getLogger(__name__)

DONE, REFUSED, INTERRUPTED = 0, 1, 130
AWS_FAILED = 4


def run(main: Callable[[List[str]], int], level: int = logging.WARNING) -> NoReturn:
    """Run a program and exit; whatever goes wrong is told in one line, never by a traceback."""
    arguments = sys.argv[1:]
    verbose = "--verbose" in arguments
    _prepare(logging.DEBUG if verbose else level)
    try:
        code = main(arguments)
        sys.stdout.flush()
    except KeyboardInterrupt:
        code = INTERRUPTED
    except BrokenPipeError:  # who reads our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = DONE
    except MessagingError as error:
        code = _tell(error, error.exit_code)
    except AWS_ERRORS as error:
        code = _tell(explain(error), AWS_FAILED)
    except Exception as error:
        logger.debug("The cause:", exc_info=error)
        code = _tell(f"a fault of this program: {error!r} (--verbose shows where)", REFUSED)
    sys.exit(code)


def _prepare(level: int) -> None:
    """Set up logging, streams and signals of a process."""
    style = "%(message)s" if level == logging.WARNING else "%(asctime)s %(levelname)s %(message)s"
    logging.basicConfig(format=style)
    logging.getLogger(__package__.split(".")[0]).setLevel(level)
    warnings.filterwarnings("ignore", message="Boto3 will no longer support Python")
    for stream in (sys.stdout, sys.stderr):  # a name that cp1252 lacks must not end a program
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors="backslashreplace")
    for name in ("SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) == signal.SIG_DFL:
            signal.signal(number, signal.default_int_handler)


def _tell(what: object, code: int) -> int:
    print(f"{os.path.basename(sys.argv[0])}: {what}", file=sys.stderr)
    return code
