"""Destinations: the reply queues in trouble, and how long to retry the replies to them."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Dict

from .. import clock
from ..aws.advice import explain
from ..aws.patience import Patience
from ..aws.trouble import is_key_trouble, is_missing_queue, is_passing
from .job import Job

logger = logging.getLogger(__name__)

PATIENCE = 60.0  # seconds from receiving a request to giving up its reply; clients wait as long
REMEMBERED = 60.0  # seconds after a queue is given up in which each reply gets one attempt
CROWD = 100  # replies to one failing queue that wait here; the others go back to SQS for a while
SETTLING = 2.0  # seconds in which AWS may not know a queue yet that was made just now
MOST = 1000  # failing queues; above, those given up are forgotten, so that memory does not grow

AGAIN, SOON, LATER, NEVER = "again", "soon", "later", "never"


@dataclass
class _Trouble:
    since: float
    given_up: float = float("-inf")
    waiting: Dict[str, float] = field(default_factory=dict)  # message id: when it failed last

    def others_waiting(self, message_id: str, now: float) -> int:
        """Count the other replies that wait here, without those whose lease was lost meanwhile."""
        self.waiting = {one: at for one, at in self.waiting.items() if now - at < PATIENCE}
        return len(self.waiting) - (message_id in self.waiting)


class Destinations:
    """Decides what to do with a reply that SQS did not accept.

    One queue that is missing or refuses us does not delay replies to the others: few of its
    replies wait here, and for a while after it is given up none.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._troubles: Dict[str, _Trouble] = {}
        self._accepted = float("-inf")  # when any queue last took a reply

    def accepted(self, queue: str, job: Job) -> None:
        """Record that a queue took a reply: it is no longer in trouble."""
        self._accepted = clock.now()
        if self._troubles.pop(queue, None):
            self._patience.over(f"send to {queue}", self._accepted)

    def failed(self, queue: str, job: Job, error: Exception) -> str:
        """Return AGAIN to retry a reply, SOON or LATER to leave it to SQS, NEVER to drop it."""
        now = clock.now()
        trouble = self._troubles.setdefault(queue, _Trouble(now))
        self._patience.met(f"send to {queue}", error)
        verdict = self._verdict(trouble, job, error, now)
        if verdict == AGAIN:
            trouble.waiting[job.delivery.message_id] = now
        else:
            trouble.waiting.pop(job.delivery.message_id, None)
        self._forget(now)
        return verdict

    def _verdict(self, trouble: _Trouble, job: Job, error: Exception, now: float) -> str:
        lasting = not is_passing(error) and not is_key_trouble(error)
        if not lasting and self._accepted <= trouble.since:
            return AGAIN
        if lasting and now - job.delivery.since > PATIENCE:
            if now - trouble.given_up > REMEMBERED:
                self._tell(job, error)
            trouble.given_up = now
        if lasting and now - trouble.given_up <= REMEMBERED:
            return NEVER if is_missing_queue(error) else LATER
        known = job.delivery.message_id in trouble.waiting
        if known or trouble.others_waiting(job.delivery.message_id, now) < CROWD:
            return AGAIN
        return SOON if now - trouble.since < SETTLING else LATER

    def _tell(self, job: Job, error: Exception) -> None:
        if is_missing_queue(error):
            logger.warning(
                "The reply queue %s is gone; nobody waits for its replies.", job.reply_to
            )
        else:
            logger.error(
                "Replies to %s are given up, and their requests kept: %s.",
                job.reply_to,
                explain(error),
            )

    def _forget(self, now: float) -> None:
        if len(self._troubles) > MOST:
            for queue, trouble in list(self._troubles.items()):
                idle = not trouble.others_waiting("", now)
                if idle and now - max(trouble.given_up, trouble.since) > REMEMBERED:
                    self._troubles.pop(queue, None)
                    self._patience.give_up(f"send to {queue}")
