"""Settlement: how finished jobs are brought home."""

from __future__ import annotations

import logging
import time
from collections import defaultdict
from dataclasses import replace
from typing import Callable, Dict, List, Optional, Sequence

from ..aws.advice import explain
from ..aws.bucket import Storage, new_log_key
from ..aws.patience import Patience
from ..aws.queues import MAX_BATCH, Queue
from ..aws.trouble import AWS_ERRORS, is_missing_queue, is_refusal, may_be_done
from ..flow.recent import Recent
from ..flow.stage import Failed, Stage
from ..wire.envelope import Delivery
from .heartbeat import Heartbeat
from .job import REPEATED, Job

Step = Callable[[List[Job]], Failed[Job]]
logger = logging.getLogger(__name__)

LOGGERS = 4
MOST_LOGGED = 100  # jobs in one log object
YOUNG = 3.0  # seconds in which a reply queue just made may not be known everywhere yet
REMEMBERED = 10_000  # requests answered, by which to know those that come again


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
        self._answered = Recent(REMEMBERED)

        def stage(doing: str, count: int, most: int, step: Step) -> Stage[Job]:
            return Stage(doing, count, most, max(lanes * batch, most), self._safe(step), patience)

        self._logging = stage("write the log", LOGGERS, MOST_LOGGED, self._log)
        # Large batches are of short jobs, which mostly wait for the network.
        count = max(2, batch)
        self._replying = stage("send replies", count, MAX_BATCH, self._reply)
        self._deleting = stage(f"delete from {inbox.name}", count, MAX_BATCH, self._delete)
        self._stages = (self._logging, self._replying, self._deleting)

    def start(self) -> None:
        """Start the threads."""
        for stage in self._stages:
            stage.start()

    def put(self, jobs: Sequence[Job]) -> None:
        """Have jobs settled; waits while too many are waiting."""
        self._deleting.put([job for job in jobs if job.status == REPEATED])
        self._logging.put([job for job in jobs if job.status != REPEATED])

    def join(self) -> None:
        """Wait until all is settled."""
        for stage in self._stages:
            stage.join()

    def has_answered(self, delivery: Delivery) -> bool:
        """Tell whether the request was answered, and only has to be deleted once more."""
        return delivery.message_id in self._answered

    def _safe(self, step: Step) -> Step:
        """Let a fault of ours cost no message its life: what is not held comes again."""

        def safe(jobs: List[Job]) -> Failed[Job]:
            try:
                return step(jobs)
            except Exception:
                self._heartbeat.drop([job.delivery for job in jobs])
                raise

        return safe

    def _log(self, jobs: List[Job]) -> Failed[Job]:
        """Log what is still ours and have it answered.

        What may have been written, though nobody said so, is written again under its old key.
        """
        new_key = new_log_key(self._part)
        by_key: Dict[str, List[Job]] = defaultdict(list)
        for job in self._held(jobs):
            log_key = job.log_key or new_key
            by_key[log_key].append(replace(job, log_key=log_key))
        failed: Failed[Job] = []
        for log_key, group in by_key.items():
            try:
                text = "".join(job.log_entry(self._worker) for job in group)
                self._storage.put_log(log_key, text)
            except AWS_ERRORS as error:
                kept = log_key if may_be_done(error) else ""
                failed += [(replace(job, log_key=kept), error) for job in group]
            else:
                # Sorted, so that ten have few reply queues.
                self._replying.put(sorted(group, key=lambda job: job.reply_to or ""))
        return failed

    def _reply(self, jobs: List[Job]) -> Failed[Job]:
        """Send the replies of what is still ours, a batch a queue, and have it deleted."""
        by_queue: Dict[Optional[str], List[Job]] = defaultdict(list)
        for job in self._held(jobs):
            by_queue[None if self.has_answered(job.delivery) else job.reply_to].append(job)
        self._deleting.put(by_queue.pop(None, []))
        failed: Failed[Job] = []
        for name, group in by_queue.items():
            failed += self._reply_to(self._inbox.sibling(str(name)), group)
        return failed

    def _reply_to(self, queue: Queue, jobs: Sequence[Job]) -> Failed[Job]:
        """Send replies to one queue; one that is gone has nobody waiting."""
        failures = queue.send([job.reply().to_message() for job in jobs])
        failed: Failed[Job] = []
        done: List[Job] = []
        for position, job in enumerate(jobs):
            error = failures.get(position)
            young = time.time() - job.delivery.sent_at < YOUNG
            if error is None or (is_missing_queue(error) and not young):
                done.append(job)
            elif is_refusal(error) and not is_missing_queue(error):
                logger.error(
                    "A reply to %s was refused, so its request is kept: %s.",
                    queue.name,
                    explain(error),
                )
                self._heartbeat.drop([job.delivery])
            else:
                failed.append((job, error))
        if any(is_missing_queue(error) for error in failures.values()) and done:
            logger.warning("The reply queue %s is gone; nobody waits for its replies.", queue.name)
        self._answered.add(job.delivery.message_id for job in done if job.retry_in is None)
        self._deleting.put(done)
        return failed

    def _delete(self, jobs: List[Job]) -> Failed[Job]:
        """Delete what was answered, and hide for a while what is to be tried again."""
        by_pause: Dict[Optional[int], List[Job]] = defaultdict(list)
        for job in jobs:
            by_pause[job.retry_in].append(job)
        failed: Failed[Job] = []
        for pause, group in by_pause.items():
            failed += self._let_go(group, pause)
        return failed

    def _let_go(self, jobs: Sequence[Job], pause: Optional[int]) -> Failed[Job]:
        leases = self._heartbeat.drop([job.delivery for job in jobs])
        held = [job for job in jobs if job.delivery in leases]
        deliveries = list(leases)
        if pause is None:
            failures = self._inbox.delete(deliveries)
        else:
            failures = self._inbox.hide(deliveries, pause)
        failed = [(held[at], error) for at, error in failures.items() if not is_refusal(error)]
        self._heartbeat.restore({job.delivery: leases[job.delivery] for job, _ in failed})
        if pause is None:
            count, log_keys = len(held) - len(failed), {job.log_key: None for job in held}
            logger.info(
                "%d of %d requests answered; log: %s", count, len(jobs), ", ".join(log_keys)
            )
        return failed

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
