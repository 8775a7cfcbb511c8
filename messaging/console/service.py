"""Service: runs a worker program from its start until a signal, or an empty queue, ends it."""

from __future__ import annotations

import argparse
import contextlib
import logging
import signal
import socket
from concurrent.futures import Future
from functools import partial

from ..aws import sweeping
from ..aws.buckets import open_bucket
from ..aws.connection import Connection
from ..aws.queue_calls import MAX_BATCH
from ..aws.queues import max_receive_count, open_queue
from ..flow import threads
from ..worker.handling import Handler
from ..worker.options import WorkerOptions
from ..worker.worker import Worker
from .commandline import connect
from .signals import INTERRUPTED

logger = logging.getLogger(__name__)

DONE = 0
ONE_STOP = 0.05  # seconds in which two signals count as one: `timeout` and hang-ups send both
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")
ENDED = b"\0"  # the event that is no signal: what ran in the background has ended


def serve(options: argparse.Namespace, part: str, handler: Handler, batch: int = MAX_BATCH) -> int:
    """Run a worker until it is stopped or has drained its queue; return the exit code.

    Signals arrive as bytes from a socket, since an exception at any point could leave something
    half done, and a lock may miss a signal. So this thread waits, and others do all the work.
    """
    try:
        connection = connect(options)
        connection.check()
    except KeyboardInterrupt:
        return DONE  # nothing has begun
    events, ours = socket.socketpair()
    ours.setblocking(False)
    signal.set_wakeup_fd(ours.fileno(), warn_on_full_buffer=False)
    for name in SIGNALS:
        number = getattr(signal, name, None)
        if number and signal.getsignal(number) != signal.SIG_IGN:  # nohup, or a shell's `&`
            signal.signal(number, lambda *_: None)  # the byte is all
    making = threads.background("start", lambda: _make(connection, options, part, handler, batch))
    making.add_done_callback(lambda _: ours.send(ENDED))
    if events.recv(1) != ENDED:
        return DONE  # nothing has begun
    worker = making.result()
    running = threads.background("worker", worker.run)
    running.add_done_callback(lambda _: ours.send(ENDED))
    return _wait(worker, running, events)


def _wait(worker: Worker, running: Future[None], events: socket.socket) -> int:
    """Block until the worker ends; a first signal stops it, a second ends the program at once."""
    if events.recv(1) != ENDED:
        events.settimeout(ONE_STOP)
        with contextlib.suppress(socket.timeout):
            while events.recv(1) != ENDED:
                pass
        events.settimeout(None)
        worker.stop()
        if not running.done() and events.recv(1) != ENDED:
            return INTERRUPTED
    running.result()
    return DONE


def _make(
    connection: Connection, options: argparse.Namespace, part: str, handler: Handler, batch: int
) -> Worker:
    """Make the worker; find or create what it needs in AWS."""
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
    threads.background("sweeper", partial(sweeping.sweep_quietly, sqs, settings.output_queue))
    return Worker(connection, inbox, storage, part, handler, worker_options)
