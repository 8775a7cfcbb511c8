"""Handling: turns a message into a job with an outcome, whatever the message holds."""

import logging
import reprlib
from dataclasses import dataclass, replace
from typing import Callable, List

from .. import clock
from ..aws.advice import explain
from ..aws.patience import Patience
from ..aws.storage import Storage
from ..aws.trouble import AWS_ERRORS, is_passing
from ..errors import InvalidMessage, RequestRejected
from ..settings import Settings
from ..wire.delivery import Delivery
from ..wire.envelope import Request
from ..wire.names import reply_queue
from .job import Job, Result
from .leases import Leases
from .options import WorkerOptions

logger = logging.getLogger(__name__)

Handler = Callable[[Request, Storage], Result]
LONGEST_RETRY = 900  # seconds; a request that keeps failing is retried at least this often
_SHORT = reprlib.Repr()  # bears objects whose own repr() fails, or is huge
_SHORT.maxother = 500


@dataclass
class Handling:
    """Turns messages into jobs: calls the handler, and words what fails."""

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
            job = replace(job, reply_to=reply_queue(delivery, self.settings))
            job = replace(job, correlation_id=delivery.label("CorrelationId") or job.correlation_id)
            job = replace(job, result=self._work(delivery))
        except (InvalidMessage, RequestRejected) as error:
            job = job.refused(str(error))
        except BaseException as error:  # a library's SystemExit is a failure like any other
            if isinstance(error, AWS_ERRORS) and is_passing(error):
                return []
            job = self._failed(job, error)
        return [replace(job, seconds=clock.now() - started)]

    def _work(self, delivery: Delivery) -> Result:
        """Call the handler, retrying passing trouble with AWS for as long as the lease holds."""

        def attempt() -> Result:
            request = Request.from_delivery(delivery)  # anew: a handler may change its parameters
            return self.handler(self.storage.check_out(request), self.storage)

        result = self.patience(
            attempt,
            "do the work",
            lambda error: is_passing(error) and self.leases.holds(delivery),
        )
        if not isinstance(result, Result):
            raise TypeError(f"the handler returned {_SHORT.repr(result)}, which is no Result")
        return result

    def _failed(self, job: Job, error: BaseException) -> Job:
        """Leave a failed request to be retried; after the last attempt tell the client."""
        count, options = job.delivery.receive_count, self.options
        last = count == options.max_receive_count  # beyond it there is no such queue any more
        pause = min(options.visibility_timeout * 2 ** (count - 1), LONGEST_RETRY)
        what = explain(error) if isinstance(error, AWS_ERRORS) else _SHORT.repr(error)
        next_step = "goes to the dead-letter queue" if last else f"is tried again in {pause} s"
        logger.error("Message %s failed: %s; it %s.", job.delivery.message_id, what, next_step)
        logger.debug("The cause:", exc_info=error)
        job = job.refused(f"the worker failed {count} times, the last time with {what}")
        return replace(job, reply_to=job.reply_to if last else None, retry_in=0 if last else pause)
