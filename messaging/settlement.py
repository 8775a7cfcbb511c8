"""Settlement: how a batch of finished jobs is brought home."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from dataclasses import replace
from typing import Callable, Dict, List, Optional, Sequence

from .envelope import Delivery
from .heartbeat import Heartbeat
from .job import Job
from .queues import MAX_BATCH, Queue
from .stage import Stage
from .storage import Storage
from .trouble import AWS_ERRORS, Patience, explain, is_missing_queue, is_refusal

logger = logging.getLogger(__name__)

LOGGERS = 2  # so that one slow request does not hold up the worker
MOST_LOGGED = 100  # jobs in one log object
YOUNG = 3.0  # seconds in which a reply queue just made may not be known everywhere yet


class Settlement:
    """Writes the log object, sends the replies, deletes the requests, in that order.

    The log is one request for all jobs that wait for it, the rest one for ten of them (replies:
    one for each reply queue). A request whose reply was not accepted is not deleted, nor one
    that was lost to somebody else.

    Args:
        lanes: threads that put jobs
        batch: jobs that they put at a time
    """

    def __init__(
        self,
        inbox: Queue,
        storage: Storage,
        part: str,
        worker: str,
        heartbeat: Heartbeat,
        patience: Patience,
        lanes: int,
        batch: int,
    ) -> None:
        self._inbox = inbox
        self._storage = storage
        self._part = part
        self._worker = worker
        self._heartbeat = heartbeat
        self._patience = patience
        self._logging = Stage("logger", LOGGERS, MOST_LOGGED, lanes, self._log)
        # Large batches are of short jobs, which mostly wait for the network.
        self._answering = Stage("answerer", batch, MAX_BATCH, lanes, self._answer)

    def start(self) -> None:
        """Start the threads."""
        self._logging.start()
        self._answering.start()

    def put(self, jobs: List[Job]) -> None:
        """Have jobs settled; waits while too many are waiting."""
        self._logging.put(jobs)

    def join(self) -> None:
        """Wait until all is settled."""
        self._logging.join()
        self._answering.join()

    def _log(self, jobs: Sequence[Job]) -> None:
        """Log what is still ours, and have it answered by tens."""
        held = self._held(jobs)
        try:
            log_key = self._write(held) if held else ""
        except Exception:
            self._heartbeat.drop([job.delivery for job in held])
            raise
        logged = [replace(job, log_key=log_key) for job in held]
        logged.sort(key=lambda job: job.reply_to or "")  # so that ten have few reply queues
        for start in range(0, len(logged), MAX_BATCH):
            self._answering.put(logged[start : start + MAX_BATCH])

    def _write(self, jobs: Sequence[Job]) -> str:
        text = "".join(job.log_entry(self._worker) for job in jobs)
        return self._patience(
            lambda: self._storage.put_log(self._part, text), "write the log", self._unheld(jobs)
        )

    def _answer(self, jobs: Sequence[Job]) -> None:
        """Reply, then delete what was answered; what was lost on the way is left alone."""
        try:
            answered = self._reply(self._held(jobs))
            done = [job.delivery for job in answered if job.retry_in is None]
            self._inbox.delete(self._heartbeat.drop(done), self._patience)
            for job in jobs:
                if job.retry_in is not None:
                    self._inbox.hide(self._heartbeat.drop([job.delivery]), job.retry_in)
        finally:
            self._heartbeat.drop([job.delivery for job in jobs])
        log_keys = ", ".join({job.log_key: None for job in jobs})
        logger.info("%d of %d requests answered; log: %s", len(done), len(jobs), log_keys)

    def _held(self, jobs: Sequence[Job]) -> List[Job]:
        """Give the jobs that are still ours; let the others go."""
        held: List[Job] = []
        lost: List[Delivery] = []
        for job in jobs:
            if self._heartbeat.holds(job.delivery):
                held.append(job)
            else:
                lost.append(job.delivery)
        self._heartbeat.drop(lost)
        return held

    def _unheld(self, jobs: Sequence[Job]) -> Callable[[Exception], bool]:
        """Give up on AWS when nothing is ours any more."""
        return lambda error: not any(self._heartbeat.holds(job.delivery) for job in jobs)

    def _reply(self, jobs: Sequence[Job]) -> List[Job]:
        """Send the replies, a batch a queue; give the jobs that nobody waits for any more."""
        by_queue: Dict[Optional[str], List[Job]] = defaultdict(list)
        for job in jobs:
            by_queue[job.reply_to].append(job)
        answered = by_queue.pop(None, [])
        for name, group in by_queue.items():
            answered += self._reply_to(str(name), group)
        return answered

    def _reply_to(self, name: str, jobs: Sequence[Job]) -> List[Job]:
        """Send replies to one queue; a queue that is gone has nobody waiting."""
        messages = [job.reply().to_message() for job in jobs]
        queue = self._inbox.sibling(name)
        youngest = max(job.delivery.sent_at for job in jobs)
        unheld = self._unheld(jobs)

        def final(error: Exception) -> bool:
            young = time.time() - youngest < YOUNG
            return unheld(error) or (is_refusal(error) and not (is_missing_queue(error) and young))

        def repeat(attempt: Callable[[], None], doing: str) -> None:
            self._patience(attempt, doing, final)

        try:
            failures = queue.send(messages, repeat)
        except AWS_ERRORS as error:
            if is_missing_queue(error):
                logger.warning("The reply queue %s is gone; nobody waits for its replies.", name)
                return list(jobs)
            failures = dict.fromkeys(range(len(jobs)), explain(error))
        for reason in failures.values():
            logger.error("SQS refused a reply to %s: %s; the request is kept.", name, reason)
        return [job for position, job in enumerate(jobs) if position not in failures]
