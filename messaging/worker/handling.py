"""Handling: turns a message into a job with an outcome, whatever the message holds."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import Callable, Optional

from .. import clock
from ..aws.advice import explain
from ..aws.bucket import Storage
from ..aws.patience import Patience
from ..aws.trouble import AWS_ERRORS, is_passing
from ..errors import InvalidMessage, RequestRejected
from ..settings import Settings
from ..wire.delivery import Delivery
from ..wire.envelope import ERROR, OK, Request
from ..wire.names import may_answer
from .job import Job, Result
from .leases import Leases
from .options import WorkerOptions

logger = logging.getLogger(__name__)

Handler = Callable[[Request, Storage], Result]
LONGEST_RETRY = 900  # seconds; a request that keeps failing is retried at least this often


class Handling:
    """Turns messages into jobs: finds the reply queue, calls the handler, words what fails."""

    def __init__(
        self,
        handler: Handler,
        storage: Storage,
        leases: Leases,
        patience: Patience,
        settings: Settings,
        options: WorkerOptions,
    ) -> None:
        self._handler = handler
        self._storage = storage
        self._leases = leases
        self._patience = patience
        self._output_queue = settings.output_queue
        self._input_queue = settings.input_queue
        self._options = options

    def handle(self, delivery: Delivery, answered: bool) -> Optional[Job]:
        """Handle one message; one that is `answered` already only has to be deleted.

        Returns None if AWS failed until the lease was lost or the worker was stopped.
        """
        started = clock.now()
        # A job that waits to be settled must not keep the request's body in memory.
        bare = replace(delivery, body="", attributes={})
        job = Job(bare, delivery.message_id, None, Result(""), answered=answered)
        if answered:
            return job
        job = self._address(job, delivery)
        if job.status == OK:
            try:
                job = replace(job, result=self._work(delivery))
            except (InvalidMessage, RequestRejected) as error:
                job = replace(job, status=ERROR, result=Result(str(error)))
            except BaseException as error:  # a library's SystemExit is a failure like any other
                if isinstance(error, AWS_ERRORS) and is_passing(error):
                    return None
                job = self._fail(job, error)
        return replace(job, seconds=clock.now() - started)

    def _address(self, job: Job, delivery: Delivery) -> Job:
        """Set the reply queue; a request that names a queue not ours is refused."""
        try:
            if "Status" in delivery.attributes:  # two workers must not talk to each other
                raise InvalidMessage("this message is a reply (it has a Status), and no request")
            reply_to = delivery.text("ReplyTo")
            reply_to = self._output_queue if reply_to is None else reply_to
            if not may_answer(reply_to, self._output_queue) or reply_to == self._input_queue:
                raise InvalidMessage(f"ReplyTo is neither {self._output_queue} nor made of it")
            job = replace(job, reply_to=reply_to)
            correlation_id = delivery.label("CorrelationId") or delivery.message_id
            return replace(job, correlation_id=correlation_id)
        except InvalidMessage as error:
            return replace(job, status=ERROR, result=Result(str(error)))

    def _work(self, delivery: Delivery) -> Result:
        """Call the handler, retrying passing trouble with AWS for as long as the lease holds."""

        def work() -> Result:
            request = self._storage.check_out(Request.from_delivery(delivery))
            return self._handler(request, self._storage)

        return self._patience(
            work, "do the work", lambda error: is_passing(error) and self._leases.holds(delivery)
        )

    def _fail(self, job: Job, error: BaseException) -> Job:
        """Leave a failed request to be retried; after the last attempt tell the client."""
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
