"""Destinations: the reply queues in trouble, and how long to retry the replies to them."""

import logging
from dataclasses import dataclass, field, replace
from typing import Dict, Optional, Set

from .. import clock
from ..aws.advice import explain
from ..aws.patience import Patience
from ..aws.trouble import is_missing_queue, is_passing
from .job import Job

logger = logging.getLogger(__name__)

GIVE_UP = 60.0  # seconds from receiving a request to giving up its reply; clients wait as long
CROWD = 200  # replies to failing queues that wait here; the others go back to SQS for a while
SOON, LATER = 2, 30  # seconds until SQS redelivers these: soon while the queue may be new to AWS


@dataclass
class _Trouble:
    """What is known of a queue for a minute since it did not accept a reply."""

    since: float
    given_up: bool = False
    waiting: Set[str] = field(default_factory=set)  # ids of the messages whose replies wait here


class Destinations:
    """Decides what to do with a reply that SQS did not accept.

    Queues that are missing or refuse us do not delay replies to the others: a number of replies
    waits here, equally shared by these queues, and for a minute after one is given up none of its.
    """

    def __init__(self, patience: Patience) -> None:
        self._patience = patience
        self._troubles: Dict[str, _Trouble] = {}
        self._accepted = float("-inf")  # when any queue last took a reply

    def accepted(self, queue: str) -> None:
        """Record that a queue took a reply: it is no longer in trouble."""
        self._accepted = clock.now()
        if self._troubles.pop(queue, None):
            self._patience.over(f"send to {queue}", self._accepted)

    def failed(self, queue: str, job: Job, error: Exception) -> Optional[Job]:
        """Return None to retry a reply, or the job as its request is to be let go."""
        self._forget()
        now, message_id = clock.now(), job.delivery.message_id
        trouble = self._troubles.setdefault(queue, _Trouble(now))
        passing, old = is_passing(error), now - job.delivery.since > GIVE_UP
        if old and not passing and not trouble.given_up:
            trouble = self._troubles[queue] = _Trouble(now, given_up=True)
            why = "it is gone" if is_missing_queue(error) else explain(error)
            logger.warning("Replies to the queue %s are given up: %s.", queue, why)
        elif not trouble.given_up:
            self._patience.met(f"send to {queue}", error)
        if passing and self._accepted <= trouble.since:  # no queue takes replies: AWS is away
            return None
        count = len(trouble.waiting | {message_id})
        if not trouble.given_up and count * len(self._troubles) <= CROWD:
            trouble.waiting.add(message_id)
            return None
        if trouble.given_up and is_missing_queue(error):
            return job
        new = not trouble.given_up and now - trouble.since < SOON
        return replace(job, retry_in=SOON if new else LATER)

    def _forget(self) -> None:
        """Forget trouble that is a minute old; if it lasts, it is noticed anew."""
        for queue, trouble in list(self._troubles.items()):
            if clock.now() - trouble.since > GIVE_UP:
                self._troubles.pop(queue, None)
                self._patience.give_up(f"send to {queue}")
