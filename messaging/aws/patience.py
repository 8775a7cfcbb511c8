"""Patience: retries with backoff what may pass, and logs each kind of trouble once."""

import logging
import random
import threading
from typing import Callable, Dict, NamedTuple, Set, TypeVar

from .. import clock
from .advice import explain
from .trouble import AWS_ERRORS, code_of, is_blip, is_network, is_passing, is_renewable

T = TypeVar("T")
logger = logging.getLogger(__name__)

LONGEST_PAUSE = 20.0  # seconds; cap of the backoff, so that work resumes within 30 s of an outage
LAST_PAUSE = 0.5  # seconds; the cap once the program is told to stop
BLIPS = 3  # failures in a row before a kind is logged that mostly passes by itself


class Trouble(NamedTuple):
    """What is known of trouble with one activity: failures in a row, their kind, the last one."""

    failures: int
    kind: str
    last: float


class Patience:
    """Retries calls until they work, each thread on its own, and logs each trouble once.

    Args:
        renew: called before the next attempt if new credentials may help
    """

    def __init__(self, renew: Callable[[], None] = lambda: None) -> None:
        self._renew = renew
        self._troubles: Dict[str, Trouble] = {}
        self._told: Set[str] = set()
        self._stopping = threading.Event()
        self._ended = threading.Event()
        self._until = float("inf")

    def __call__(
        self,
        call: Callable[[], T],
        doing: str,
        worth: Callable[[Exception], bool] = is_passing,
    ) -> T:
        """Return what `call` returns; raises its error if not `worth` a retry, or when stopped."""
        failures = 0
        try:
            while True:
                began = clock.now()
                try:
                    answer = call()
                except AWS_ERRORS as error:
                    failures += 1
                    if not worth(error):
                        raise
                    self.met(doing, error)
                    if not self._rest(failures):
                        raise
                else:
                    if failures:
                        self.over(doing, began)
                        failures = 0
                    return answer
        finally:
            if failures:
                self.give_up(doing)

    def stop(self, seconds: float) -> None:
        """Retry for `seconds` more at most, with shorter pauses until then."""
        self._until = clock.now() + seconds
        self._stopping.set()

    def end(self) -> None:
        """Retry nothing any more: the call in progress of each thread is its last."""
        self._until = float("-inf")
        self._ended.set()
        self._stopping.set()

    def met(self, doing: str, error: Exception) -> None:
        """Log trouble unless its kind was logged or may be a blip; renew credentials if useful."""
        if is_renewable(error):
            self._renew()
        kind = _kind_of(error, doing)
        before = self._troubles.get(doing, Trouble(0, kind, 0.0))
        now = self._troubles[doing] = Trouble(before.failures + 1, kind, clock.now())
        self._forget(before.kind)
        blip = is_blip(error) and now.failures < BLIPS
        silent = blip or kind in self._told or self._stopping.is_set()
        if not silent:
            self._told.add(kind)
        level = logging.DEBUG if silent else logging.WARNING
        logger.log(level, "Cannot %s: %s. Trying again until it works.", doing, explain(error))

    def over(self, doing: str, began: float) -> None:
        """Note that AWS answered a request which began then.

        One that began before the last failure of another thread tells nothing of what is so now.
        """
        trouble = self._troubles.get(doing)
        if trouble and trouble.last <= began:
            self._troubles.pop(doing, None)
            if self._forget(trouble.kind):
                logger.info("AWS answers again.")

    def give_up(self, doing: str) -> None:
        """Note that an activity is not tried any more, whatever its trouble was."""
        trouble = self._troubles.pop(doing, None)
        if trouble:
            self._forget(trouble.kind)

    def _forget(self, kind: str) -> bool:
        """If no activity has this kind of trouble any more, let it be logged when it returns.

        Returns whether that is so, and it had been logged.
        """
        over = kind in self._told and all(each.kind != kind for each in [*self._troubles.values()])
        if over:
            self._told.discard(kind)
        return over

    def _rest(self, failures: int) -> bool:
        """Back off; return whether to try again, which after `stop` is so for a while."""
        seconds = clock.backoff(failures, LONGEST_PAUSE, random.random())
        if self._stopping.wait(seconds):
            self._ended.wait(min(seconds, LAST_PAUSE))
        return clock.now() < self._until


def _kind_of(error: Exception, doing: str) -> str:
    """Return a key for logging: passing trouble is one for all activities, the rest separate."""
    kind = "network" if is_network(error) else code_of(error)
    return kind if is_passing(error) else f"{kind}, {doing}"
