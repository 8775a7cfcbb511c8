"""What the programs share at their edge: options, logging, signals, exit codes."""

from __future__ import annotations

import argparse
import logging
import os
import signal
import sys
import warnings
from typing import Callable, List, NoReturn

from ..aws.advice import explain
from ..aws.making import max_receive_count, open_bucket, open_queue
from ..aws.queues import MAX_BATCH
from ..aws.trouble import AWS_ERRORS
from ..errors import MessagingError
from ..worker.worker import Handler, Worker, WorkerOptions
from .commandline import connect

logger = logging.getLogger(__name__)

DONE, REFUSED, INTERRUPTED = 0, 1, 130
AWS_FAILED = 4


def serve(options: argparse.Namespace, part: str, handler: Handler, batch: int = MAX_BATCH) -> int:
    """Run a worker until it is stopped, or has drained its queue."""
    connection = connect(options)
    sqs, settings = connection.sqs, connection.settings
    inbox = open_queue(sqs, settings.input_queue, dead_letter=True)
    open_queue(sqs, settings.output_queue)
    storage = connection.storage(inbox.account)
    open_bucket(storage)
    worker_options = WorkerOptions(
        options.concurrency,
        batch,
        options.visibility_timeout,
        max_receive_count(inbox),
        options.drain,
    )
    if not worker_options.max_receive_count:
        logger.warning("%s has no dead-letter queue: faults are tried again for days", inbox.name)
    logger.info("queues and bucket in %s, logs in %s", connection.region, storage.bucket)
    Worker(connection, inbox, storage, part, handler, worker_options).run()
    return DONE


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
