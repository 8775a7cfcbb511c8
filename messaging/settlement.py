"""Settlement: how a batch of finished jobs is brought home."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from typing import Callable, Dict, List, Optional, Sequence

from .heartbeat import Heartbeat
from .job import Job
from .queues import Queue
from .storage import Storage
from .trouble import AWS_ERRORS, Patience, explain, is_missing_queue, is_refusal

logger = logging.getLogger(__name__)

YOUNG = 3.0  # seconds in which a reply queue just made may not be known everywhere yet


class Settlement:
    """Writes the log object, sends the replies, deletes the requests, in that order.

    Each step is one call for the whole batch (replies: one for each reply queue). A request
    whose reply was not accepted is not deleted, nor one that was lost to somebody else.
    """

    def __init__(
        self,
        inbox: Queue,
        storage: Storage,
        part: str,
        worker: str,
        heartbeat: Heartbeat,
        patience: Patience,
    ) -> None:
        self._inbox = inbox
        self._storage = storage
        self._part = part
        self._worker = worker
        self._heartbeat = heartbeat
        self._patience = patience

    def settle(self, jobs: Sequence[Job]) -> None:
        """Log, reply, then delete what was answered; what was lost on the way is left alone."""
        held = [job for job in jobs if self._heartbeat.holds(job.delivery)]
        if not held:
            return
        text = "".join(job.log_entry(self._worker) for job in held)
        log_key = self._patience(
            lambda: self._storage.put_log(self._part, text), "write the log", self._unheld(held)
        )
        answered = self._reply(held, log_key)
        done = [job.delivery for job in answered if job.retry_in is None]
        self._inbox.delete(self._heartbeat.drop(done), self._patience)
        for job in held:
            if job.retry_in is not None:
                self._inbox.hide(self._heartbeat.drop([job.delivery]), job.retry_in)
        logger.info("%d of %d requests answered; log: %s", len(done), len(jobs), log_key)

    def _unheld(self, jobs: Sequence[Job]) -> Callable[[Exception], bool]:
        """Give up on AWS when nothing is ours any more."""
        return lambda error: not any(self._heartbeat.holds(job.delivery) for job in jobs)

    def _reply(self, jobs: Sequence[Job], log_key: str) -> List[Job]:
        """Send the replies, a batch a queue; give the jobs that nobody waits for any more."""
        by_queue: Dict[Optional[str], List[Job]] = defaultdict(list)
        for job in jobs:
            if self._heartbeat.holds(job.delivery):
                by_queue[job.reply_to].append(job)
        answered = by_queue.pop(None, [])
        for name, group in by_queue.items():
            answered += self._reply_to(str(name), group, log_key)
        return answered

    def _reply_to(self, name: str, jobs: Sequence[Job], log_key: str) -> List[Job]:
        """Send replies to one queue; a queue that is gone has nobody waiting."""
        messages = [job.reply(log_key).to_message() for job in jobs]
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
