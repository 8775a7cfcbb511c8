"""Settlement: logs, answers and deletes finished jobs."""

from __future__ import annotations

import logging
from collections import defaultdict
from dataclasses import replace
from typing import Callable, Dict, List, Optional, Sequence

from .. import clock
from ..aws.advice import explain
from ..aws.bucket import Storage, new_log_key
from ..aws.patience import Patience
from ..aws.queue_calls import MAX_BATCH, Queue
from ..aws.trouble import AWS_ERRORS, is_denied, is_passing, is_refusal
from ..flow.batcher import Batcher
from ..flow.recent import Recent
from ..wire.delivery import Delivery
from ..wire.envelope import ERROR
from .destinations import AGAIN, LATER, SOON, Destinations
from .job import Job, outcome
from .leases import Leases

Work = Callable[[List[Job]], Sequence[Job]]
logger = logging.getLogger(__name__)

LOGGERS, REPLIERS, DELETERS = 2, 8, 4
MOST_LOGGED = 100  # jobs in one log object; fewer would cost more S3 requests
ROOM = 500  # jobs that a step holds, retries included, at which the step before it blocks
DENIED = 10.0  # seconds for which AccessDenied on the log is retried before the worker gives up
REMEMBERED = 10_000  # requests answered; a duplicate of an older one is handled once more
PAUSES = {SOON: 2, LATER: 30}  # seconds until SQS redelivers, where a reply queue is in trouble


class Settlement:
    """Writes the log object, sends the replies, deletes the requests, in that order.

    Up to a hundred jobs share one log object, ten share a batch of deletions, and ten a batch of
    replies to the same queue. A request is not deleted before its reply was accepted, nor when
    its lease was lost.

    Args:
        worker: the name of this worker in log objects
        fatal: called with an error after which no job can be settled any more
    """

    def __init__(
        self,
        inbox: Queue,
        storage: Storage,
        part: str,
        worker: str,
        leases: Leases,
        patience: Patience,
        fatal: Callable[[Exception], object],
    ) -> None:
        self._inbox = inbox
        self._storage = storage
        self._part = part
        self._worker = worker
        self._leases = leases
        self._patience = patience
        self._fatal = fatal
        self._answered = Recent(REMEMBERED)
        self._destinations = Destinations(patience)

        def step(name: str, count: int, size: int, work: Work) -> Batcher[Job]:
            return Batcher(name, count, size, ROOM, self._safe(work))

        self._logging = step("log", LOGGERS, MOST_LOGGED, self._log)
        self._replying = step("reply", REPLIERS, MAX_BATCH, self._reply)
        self._deleting = step("delete", DELETERS, MAX_BATCH, self._delete)
        self._steps = (self._logging, self._replying, self._deleting)

    def put(self, job: Job) -> None:
        """Queue a job for settling; blocks while there is no room."""
        (self._deleting if job.answered else self._logging).put([job])

    def hurry(self) -> None:
        """Shut down soon: retry at once what is backing off, and no longer block in `put`."""
        for step in self._steps:
            step.hurry()

    def join(self) -> None:
        """Block until all jobs are settled, or `close` is called."""
        for step in self._steps:
            step.join()

    def close(self) -> None:
        """Drop the jobs that are not settled, and end the threads."""
        for step in self._steps:
            step.close()

    def has_answered(self, delivery: Delivery) -> bool:
        """Return whether the request was answered already and only has to be deleted."""
        return delivery.message_id in self._answered

    def _safe(self, work: Work) -> Work:
        """On an unexpected exception drop the leases, so that SQS redelivers the messages."""

        def safe(jobs: List[Job]) -> Sequence[Job]:
            try:
                return work(self._held(jobs))
            except BaseException:
                self._leases.drop([job.delivery for job in jobs])
                raise

        return safe

    def _held(self, jobs: Sequence[Job]) -> List[Job]:
        """Return the jobs whose leases hold; drop the others."""
        self._leases.drop([job.delivery for job in jobs if not self._leases.holds(job.delivery)])
        return [job for job in jobs if self._leases.holds(job.delivery)]

    def _log(self, jobs: List[Job]) -> Sequence[Job]:
        """Log jobs in one object, under the same key at each attempt, and pass them on."""
        if not jobs:
            return ()
        key = new_log_key(self._part)
        text = "".join(job.log_entry(self._worker) for job in jobs)
        until = clock.now() + DENIED
        try:
            self._patience(
                lambda: self._storage.put_log(key, text),
                "write the log",
                lambda error: is_passing(error) or (is_denied(error) and clock.now() < until),
            )
            self._replying.put([replace(job, log_key=key) for job in jobs])
        except AWS_ERRORS as error:
            if not is_passing(error):  # else we are stopping, and SQS redelivers them
                self._fatal(error)
        return ()

    def _reply(self, jobs: List[Job]) -> Sequence[Job]:
        by_queue: Dict[Optional[str], List[Job]] = defaultdict(list)
        for job in jobs:
            by_queue[job.reply_to].append(job)
        self._deleting.put(by_queue.pop(None, []))
        again: List[Job] = []
        for name, group in by_queue.items():
            again += self._reply_to(self._inbox.sibling(str(name)), group)
        return again

    def _reply_to(self, queue: Queue, jobs: Sequence[Job]) -> List[Job]:
        """Send replies to one queue; return those to retry."""
        failures = queue.send([job.reply().to_message() for job in jobs])
        again: List[Job] = []
        done: List[Job] = []
        for position, job in enumerate(jobs):
            error = failures.get(position)
            if error is None:
                self._destinations.accepted(queue.name, job)
                done.append(replace(job, answered=job.retry_in is None))
            elif is_refusal(error):
                sentence = f"the result cannot be sent: {explain(error)}"
                logger.error("Message %s: %s.", job.delivery.message_id, sentence)
                (again if job.status != ERROR else done).append(job.refused(sentence))
            else:
                self._judge(queue.name, job, error, again, done)
        self._answered.add(job.delivery.message_id for job in done if job.answered)
        self._deleting.put(done)
        return again

    def _judge(
        self, queue: str, job: Job, error: Exception, again: List[Job], done: List[Job]
    ) -> None:
        verdict = self._destinations.failed(queue, job, error)
        if verdict == AGAIN:
            again.append(job)
        else:
            done.append(replace(job, retry_in=PAUSES.get(verdict, job.retry_in)))

    def _delete(self, jobs: List[Job]) -> Sequence[Job]:
        """Delete the requests that are done, and hide for a while those to be retried."""
        by_pause: Dict[Optional[int], List[Job]] = defaultdict(list)
        for job in jobs:
            by_pause[job.retry_in].append(job)
        return [job for pause, group in by_pause.items() for job in self._let_go(group, pause)]

    def _let_go(self, jobs: Sequence[Job], pause: Optional[int]) -> List[Job]:
        leases = self._leases.drop([job.delivery for job in jobs], quiet=pause is not None)
        held = [job for job in jobs if job.delivery.message_id in leases]
        deliveries = [leases[job.delivery.message_id].delivery for job in held]
        inbox, doing, began = self._inbox, f"delete from {self._inbox.name}", clock.now()
        failures = inbox.delete(deliveries) if pause is None else inbox.hide(deliveries, pause)
        failed = {at: error for at, error in failures.items() if not is_refusal(error)}
        for at, error in failed.items():
            self._patience.met(doing, error)
            self._leases.restore(leases[held[at].delivery.message_id])
        if not failed:
            self._patience.over(doing, began)
        if pause is None:
            done = [job for at, job in enumerate(held) if at not in failed and job.log_key]
            if done:
                logger.info(outcome(done))
        return [held[at] for at in failed]
