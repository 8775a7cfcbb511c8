"""Handling: turns a message into a job with an outcome, whatever the message holds."""

import logging
from dataclasses import dataclass, replace
from typing import Callable, List

from .. import clock
from ..aws.advice import explain
from ..aws.bucket import Storage
from ..aws.patience import Patience
from ..aws.trouble import AWS_ERRORS, is_passing
from ..errors import InvalidMessage, RequestRejected
from ..settings import Settings
from ..wire.delivery import Delivery
from ..wire.envelope import Request
from ..wire.names import may_answer
from .job import Job, Result
from .leases import Leases
from .options import WorkerOptions

logger = logging.getLogger(__name__)

Handler = Callable[[Request, Storage], Result]
LONGEST_RETRY = 900  # seconds; a request that keeps failing is retried at least this often


@dataclass
class Handling:
    """Turns messages into jobs: finds the reply queue, calls the handler, words what fails."""

    handler: Handler
    storage: Storage
    leases: Leases
    patience: Patience
    settings: Settings
    options: WorkerOptions

    def handle(self, delivery: Delivery) -> List[Job]:
        """Return the job of a message, or none if AWS failed until we lost it, or were stopped."""
        started = clock.now()
        job = Job(delivery.bare(), delivery.message_id)
        try:
            job = replace(job, reply_to=self._reply_queue(delivery))
            job = replace(job, correlation_id=delivery.label("CorrelationId") or job.correlation_id)
            job = replace(job, result=self._work(delivery))
        except (InvalidMessage, RequestRejected) as error:
            job = job.refused(str(error))
        except BaseException as error:  # a library's SystemExit is a failure like any other
            if isinstance(error, AWS_ERRORS) and is_passing(error):
                return []
            job = self._failed(job, error)
        return [replace(job, seconds=clock.now() - started)]

    def _reply_queue(self, delivery: Delivery) -> str:
        """Return where to reply; a request that names a queue not ours is refused."""
        if "Status" in delivery.attributes:  # two workers must not talk to each other
            raise InvalidMessage("this message is a reply (it has a Status), and no request")
        ours, given = self.settings.output_queue, delivery.text("ReplyTo")
        name = ours if given is None else given
        if not may_answer(name, ours) or name == self.settings.input_queue:
            raise InvalidMessage(f"ReplyTo is neither {ours} nor made of it")
        return name

    def _work(self, delivery: Delivery) -> Result:
        """Call the handler, retrying passing trouble with AWS for as long as the lease holds."""
        request = Request.from_delivery(delivery)
        return self.patience(
            lambda: self.handler(self.storage.check_out(request), self.storage),
            "do the work",
            lambda error: is_passing(error) and self.leases.holds(delivery),
        )

    def _failed(self, job: Job, error: BaseException) -> Job:
        """Leave a failed request to be retried; after the last attempt tell the client."""
        count, options = job.delivery.receive_count, self.options
        last = 0 < options.max_receive_count <= count
        pause = min(options.visibility_timeout * 2 ** (count - 1), LONGEST_RETRY)
        what = explain(error) if isinstance(error, AWS_ERRORS) else repr(error)
        next_step = "goes to the dead-letter queue" if last else f"is tried again in {pause} s"
        logger.error("Message %s failed: %s; it %s.", job.delivery.message_id, what, next_step)
        logger.debug("The cause:", exc_info=error)
        job = job.refused(f"the worker failed {count} times, the last time with {what}")
        return replace(job, reply_to=job.reply_to if last else None, retry_in=0 if last else pause)
