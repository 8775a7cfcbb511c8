"""Settlement: logs, answers and deletes finished jobs."""

import logging
from dataclasses import dataclass, replace
from operator import attrgetter
from typing import Callable, List, Sequence

from .. import clock
from ..aws.advice import explain
from ..aws.patience import Patience
from ..aws.queue_calls import MAX_BATCH, Queue
from ..aws.storage import Storage, new_log_key
from ..aws.trouble import AWS_ERRORS, is_denied, is_passing, is_refusal
from ..flow.batcher import Batcher
from ..flow.recent import Recent
from ..wire.delivery import Delivery
from ..wire.envelope import ERROR
from .destinations import Destinations
from .job import Job, outcome
from .leases import Leases

Work = Callable[[List[Job]], List[Job]]
logger = logging.getLogger(__name__)

LOGGERS, REPLIERS, DELETERS = 2, 8, 4  # threads
MOST_LOGGED = 100  # jobs in one log object; fewer would cost more S3 requests
ROOM = 500  # jobs that a step holds, retries included, at which the step before it blocks
DENIED = 10.0  # seconds for which AccessDenied on the log is retried before the worker gives up
FITTING = 200  # characters; a longer error may not fit a queue of the smallest message size
REMEMBERED = 10_000  # requests answered; a duplicate of an older one is handled once more


@dataclass
class Settlement:
    """Writes the log object, sends the replies, deletes the requests, in that order.

    Up to a hundred jobs share one log object, ten share a batch of deletions, and ten a batch of
    replies to the same queue. A request is not deleted before its reply was accepted, nor when
    its lease was lost.

    Args:
        inbox: the input queue; the reply queues are in the same place
        worker: the name of this worker in log objects
        fatal: called with an error after which no job can be settled any more
    """

    inbox: Queue
    storage: Storage
    part: str
    worker: str
    leases: Leases
    patience: Patience
    fatal: Callable[[Exception], object]

    def __post_init__(self) -> None:
        self._answered = Recent(REMEMBERED)
        self._destinations = Destinations(self.patience)
        self._logging = self._step("log", "log_key", LOGGERS, MOST_LOGGED, self._log)
        self._replying = self._step("reply", "reply_to", REPLIERS, MAX_BATCH, self._reply)
        self._deleting = self._step("delete", "retry_in", DELETERS, MAX_BATCH, self._delete)

    def put(self, jobs: Sequence[Job]) -> None:
        """Queue jobs for settling; blocks while there is no room."""
        self._logging.put(jobs)

    def each(self, call: Callable[[Batcher[Job]], object]) -> None:
        """Call a method of all three batchers, such as `Batcher.join`, in their order."""
        for step in (self._logging, self._replying, self._deleting):
            call(step)

    def is_repeated(self, delivery: Delivery) -> bool:
        """Return whether the request was answered already; if so it is deleted once more."""
        repeated = delivery.message_id in self._answered
        if repeated:
            self._deleting.put([Job(delivery.bare(), delivery.message_id)])
        return repeated

    def _step(self, name: str, key: str, count: int, size: int, work: Work) -> Batcher[Job]:
        """Make a batcher that works on the jobs still ours, on those with an equal key at once."""
        key_of = attrgetter(key)

        def step(jobs: List[Job]) -> List[Job]:
            held = [job for job in jobs if self.leases.holds(job.delivery)]
            keys = set(map(key_of, held))
            try:
                groups = [[job for job in held if key_of(job) == each] for each in keys]
                return [job for group in groups for job in work(group)]
            except BaseException:  # of ours: SQS redelivers the messages
                self.leases.drop([job.delivery for job in held])
                raise

        return Batcher(name, count, size, ROOM, step)

    def _log(self, jobs: List[Job]) -> List[Job]:
        """Log jobs in one object, under the same key at each attempt, and pass them on."""
        key, until = new_log_key(self.part), clock.now() + DENIED
        text = "".join(job.log_entry(self.worker) for job in jobs)
        try:
            self.patience(
                lambda: self.storage.put_log(key, text),
                "write the log",
                lambda error: is_passing(error) or (is_denied(error) and clock.now() < until),
            )
            self._replying.put([replace(job, log_key=key) for job in jobs])
        except AWS_ERRORS as error:
            if not is_passing(error):  # else we are stopping, and SQS redelivers them
                self.fatal(error)
        return []

    def _reply(self, jobs: List[Job]) -> List[Job]:
        """Send the replies to one queue; return those to retry."""
        queue = jobs[0].reply_to
        if queue is None:
            self._deleting.put(jobs)
            return []
        failures = self.inbox.sibling(queue).send([job.reply().to_message() for job in jobs])
        again: List[Job] = []
        done: List[Job] = []
        for at, job in enumerate(jobs):
            error = failures.get(at)
            if error is None:
                self._destinations.accepted(queue)
                done.append(replace(job, answered=job.retry_in is None))
            elif is_refusal(error):
                sentence = f"the result cannot be sent: {explain(error)}"
                logger.error("Message %s: %s.", job.delivery.message_id, sentence)
                last = job.status == ERROR and len(job.result.body) <= FITTING
                (done if last else again).append(job.refused(sentence[:FITTING]))
            else:
                let_go = self._destinations.failed(queue, job, error)
                (done if let_go else again).append(let_go or job)
        self._answered.add(job.delivery.message_id for job in done if job.answered)
        self._deleting.put(done)
        return again

    def _delete(self, jobs: List[Job]) -> List[Job]:
        """Delete requests that are done, or hide for a while some to be retried."""
        pause = jobs[0].retry_in
        failed = self.leases.end([job.delivery for job in jobs], pause)
        done = [job for job in jobs if job.delivery.message_id not in failed and job.log_key]
        if done and pause is None:
            logger.info(outcome(done))
        return [job for job in jobs if job.delivery.message_id in failed]
