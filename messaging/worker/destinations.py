"""Destinations: the reply queues that are in trouble, and how long a reply is tried for."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Dict, Set

from .. import clock
from ..aws.advice import explain
from ..aws.patience import Patience
from ..aws.trouble import is_key_trouble, is_missing_queue, is_passing
from .job import Job

logger = logging.getLogger(__name__)

PATIENCE = 60.0  # seconds from the receipt of a request for which its reply is tried: clients wait
REMEMBERED = 60.0  # seconds for which a queue given up is tried only once a reply
CROWD = 100  # replies to one queue that wait here at most; more are left to SQS meanwhile
MOST = 1000  # queues in trouble that are remembered

AGAIN, LATER, NEVER = "again", "later", "never"


@dataclass
class _Trouble:
    since: float
    given_up: float = float("-inf")
    waiting: Set[str] = field(default_factory=set)  # message ids


class Destinations:
    """Tells what is to become of a reply that was not accepted.

    One queue that is missing or refuses us costs the replies to others nothing: few of its
    replies wait here, and once it is given up none does for a while.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._troubles: Dict[str, _Trouble] = {}
        self._accepted = float("-inf")  # when a reply last was

    def accepted(self, queue: str, job: Job) -> None:
        """Know that a queue took a reply."""
        self._accepted = clock.now()
        if queue in self._troubles:
            self._troubles[queue].waiting.discard(job.delivery.message_id)
            self._troubles.pop(queue)
            self._patience.over(f"send to {queue}")

    def failed(self, queue: str, job: Job, error: Exception) -> str:
        """Tell whether to send a reply AGAIN, to leave it to SQS for LATER, or NEVER to answer."""
        now = clock.now()
        trouble = self._troubles.setdefault(queue, _Trouble(now))
        self._patience.met(f"send to {queue}", error)
        verdict = self._verdict(trouble, job, error, now)
        if verdict == AGAIN:
            trouble.waiting.add(job.delivery.message_id)
        else:
            trouble.waiting.discard(job.delivery.message_id)
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
        crowded = len(trouble.waiting) >= CROWD
        return LATER if crowded and job.delivery.message_id not in trouble.waiting else AGAIN

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
                if not trouble.waiting and now - trouble.given_up > REMEMBERED:
                    self._troubles.pop(queue, None)
                    self._patience.over(f"send to {queue}", answered=False)
