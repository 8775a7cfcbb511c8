"""Worker: receive, handle, reply, delete."""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from dataclasses import dataclass, replace
from typing import Callable, Dict, List, Sequence

from ..aws.advice import explain
from ..aws.bucket import Storage
from ..aws.connection import HASTY, Connection
from ..aws.patience import Patience
from ..aws.queues import Queue
from ..aws.trouble import AWS_ERRORS, is_lasting
from ..errors import InvalidMessage, RequestRejected
from ..flow.lanes import Lanes
from ..wire.envelope import ERROR, OK, Delivery, Request
from ..wire.names import may_answer
from .heartbeat import Heartbeat
from .job import REPEATED, Job, Result
from .settlement import Settlement

logger = logging.getLogger(__name__)

Handler = Callable[[Request, Storage], Result]
LONGEST_RETRY = 900  # seconds
DRAIN_POLL = 2  # seconds without a message after which a queue counts as empty
# While a queue is lively polls are short, since the poll of a killed worker takes messages along.
LIVELY, LIVELY_POLL = 10.0, 1  # seconds
PROMPT = 1.0  # seconds after which the answers of a batch no longer wait for the rest of it


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker works.

    Attributes:
        concurrency: threads that handle requests
        batch: requests that one of them takes at a time, at most 10
        visibility_timeout: seconds that a request stays hidden without a sign of life
        max_receive_count: receives before a request goes to the dead-letter queue, 0 for never
        drain: whether to end when the queue is empty
    """

    concurrency: int = 4
    batch: int = 10
    visibility_timeout: int = 30
    max_receive_count: int = 0
    drain: bool = False


class Worker:
    """Answers the requests of one queue until it is stopped.

    The order is result, log, reply, delete: a crash anywhere repeats work and loses nothing.

    Args:
        inbox: where the requests come from
        storage: the bucket for log objects and claim checks
        part: the folder of the log objects
        handler: does the work; raises RequestRejected to refuse a request for good
    """

    def __init__(
        self,
        connection: Connection,
        inbox: Queue,
        storage: Storage,
        part: str,
        handler: Handler,
        options: WorkerOptions,
    ) -> None:
        self._output_queue = connection.settings.output_queue
        self._storage = storage
        self._handler = handler
        self._options = options
        self.name = f"{socket.gethostname()}-{os.getpid()}"
        self._stop = threading.Event()
        self._patience = Patience(self._stop)
        self._inbox = replace(inbox, sqs=connection.client("sqs", attempts=1))
        # A renewal that hangs must not cost the others their few seconds.
        hasty = replace(inbox, sqs=connection.client("sqs", attempts=1, seconds=HASTY))
        self._heartbeat = Heartbeat(hasty, options.visibility_timeout)
        self._settlement = Settlement(
            self._inbox,
            replace(storage, s3=connection.client("s3", attempts=1)),
            part,
            self.name,
            self._heartbeat,
            self._patience,
            lanes=options.concurrency,
            batch=options.batch,
        )
        self._waiting: Dict[Delivery, None] = {}
        self._drained = False
        self._last_arrival = time.monotonic()
        self._lanes = Lanes(
            f"receive from {inbox.name}",
            options.concurrency,
            self._receive,
            self._handle_batch,
            self._wanted,
            self._patience,
        )

    def run(self) -> None:
        """Work until drained, or stopped by KeyboardInterrupt; a second one is raised again."""
        try:
            self._heartbeat.start()
            self._settlement.start()
            self._lanes.start()
            logger.info("%s reads %s; Ctrl-C stops it within 20 s", self.name, self._inbox.name)
            self._join()
        except KeyboardInterrupt:
            logger.info("Stopping when what runs is done; once more to stop at once.")
            self._stop.set()
            self._release(list(self._waiting))
            self._join()
        self._heartbeat.stop()

    def _join(self) -> None:
        self._lanes.join()
        self._settlement.join()

    def _wanted(self) -> bool:
        return not (self._stop.is_set() or self._drained)

    def _receive(self, wait: int) -> List[Delivery]:
        options = self._options
        lively = time.monotonic() - self._last_arrival < LIVELY
        wait = min(wait, DRAIN_POLL if options.drain else LIVELY_POLL if lively else wait)
        received = self._inbox.receive(options.batch, wait, self._heartbeat.first_timeout)
        deliveries = self._heartbeat.hold(received)
        self._waiting.update(dict.fromkeys(deliveries))
        self._drained = options.drain and wait > 0 and not received
        if received:
            self._last_arrival = time.monotonic()
        return deliveries

    def _handle_batch(self, deliveries: List[Delivery]) -> None:
        try:
            self._handle_each(deliveries)
        except Exception:
            try:
                self._release(deliveries)
            finally:
                self._heartbeat.drop(deliveries)
            raise

    def _handle_each(self, deliveries: List[Delivery]) -> None:
        """Handle messages one by one, and have them settled together."""
        jobs: List[Job] = []
        since = time.monotonic()
        for delivery in deliveries:
            if self._stop.is_set() or not self._take(delivery):
                continue
            if self._heartbeat.holds(delivery):
                jobs.append(self._handle(delivery))
            else:
                self._heartbeat.drop([delivery])
            if time.monotonic() - since > PROMPT and delivery is not deliveries[-1]:
                self._settlement.put(jobs)
                jobs = []
                since = time.monotonic()
        self._release(deliveries)
        self._settlement.put(jobs)

    def _take(self, delivery: Delivery) -> bool:
        """Take a message from those that wait; a stop on the other thread may be faster."""
        return self._waiting.pop(delivery, self) is None

    def _release(self, deliveries: Sequence[Delivery]) -> None:
        """Give back at once what was not started."""
        waiting = [delivery for delivery in deliveries if self._take(delivery)]
        for error in self._inbox.hide(list(self._heartbeat.drop(waiting)), 0).values():
            logger.debug("A request comes back by itself: %s.", explain(error))

    def _handle(self, delivery: Delivery) -> Job:
        """Answer one request, whatever it holds."""
        started = time.monotonic()
        if self._settlement.has_answered(delivery):
            return Job(delivery, delivery.message_id, None, Result(""), REPEATED)
        job = self._address(delivery)
        if job.status == OK:
            try:
                job = replace(job, result=self._work(delivery))
            except (InvalidMessage, RequestRejected) as error:
                job = replace(job, status=ERROR, result=Result(str(error)))
            except Exception as error:
                job = self._fail(job, error)
        return replace(job, seconds=time.monotonic() - started)

    def _work(self, delivery: Delivery) -> Result:
        """Do the work, waiting out trouble with AWS as long as the request is ours."""

        def final(error: Exception) -> bool:
            return is_lasting(error) or not self._heartbeat.holds(delivery)

        def work() -> Result:
            request = self._storage.check_out(Request.from_delivery(delivery))
            return self._handler(request, self._storage)

        return self._patience(work, "do the work", final)

    def _address(self, delivery: Delivery) -> Job:
        """Make the job, with where its reply goes; it is refused if that is no place of ours."""
        job = Job(delivery, delivery.message_id, None, Result(""))
        try:
            reply_to = delivery.text("ReplyTo")
            reply_to = self._output_queue if reply_to is None else reply_to
            if not may_answer(reply_to, self._output_queue):
                raise InvalidMessage(f"ReplyTo is neither {self._output_queue} nor made of it")
            job = replace(job, reply_to=reply_to)
            return replace(
                job, correlation_id=delivery.label("CorrelationId") or delivery.message_id
            )
        except InvalidMessage as error:
            return replace(job, status=ERROR, result=Result(str(error)))

    def _fail(self, job: Job, error: Exception) -> Job:
        """Keep a request whose handler broke; tell who asked when the last try is over."""
        count, options = job.delivery.receive_count, self._options
        last = 0 < options.max_receive_count <= count
        pause = min(options.visibility_timeout * 2 ** min(count - 1, 10), LONGEST_RETRY)
        what = explain(error) if isinstance(error, AWS_ERRORS) else repr(error)
        next_step = "goes to the dead-letter queue" if last else f"is tried again in {pause} s"
        message_id = job.delivery.message_id
        logger.error("Message %s failed: %s; it %s.", message_id, what, next_step)
        logger.debug("The cause:", exc_info=error)
        return replace(
            job,
            status=ERROR,
            reply_to=job.reply_to if last else None,
            retry_in=0 if last else pause,
            result=Result(f"the worker failed {count} times, the last time with {what}"),
        )
