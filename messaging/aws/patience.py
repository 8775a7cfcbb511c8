"""Patience: waiting trouble with AWS out."""

import logging
import random
import threading
import time
from typing import Callable, Dict, NamedTuple, Set, Tuple, TypeVar

from .advice import explain
from .trouble import AWS_ERRORS, code_of, is_blip, is_network

T = TypeVar("T")
logger = logging.getLogger(__name__)

LONGEST_PAUSE = 20.0  # seconds; with one attempt more, work goes on within 30 s
LAST_ATTEMPTS = 5  # of a thread in trouble, once the program is told to stop
BLIPS = 3  # failures in a row of a kind that mostly passes by itself, before it is told


class Trouble(NamedTuple):
    """What a thread has with one thing that it does: failures in a row, of what kind the last was,
    and how many of them came after a stop."""

    failures: int
    kind: str
    late: int


class Patience:
    """Waits between attempts, each thread for itself, and tells of each trouble once."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._lock = threading.Lock()
        self._troubles: Dict[Tuple[int, str], Trouble] = {}
        self._told: Set[str] = set()

    def __call__(
        self,
        call: Callable[[], T],
        doing: str,
        unless: Callable[[Exception], bool] = lambda error: False,
    ) -> T:
        """Give what `call` returns; raise its error `unless` waiting may help, or when stopped."""
        while True:
            try:
                answer = call()
            except AWS_ERRORS as error:
                if unless(error) or not self.rest(doing, error):
                    self._forget(doing)
                    raise
            else:
                self.recovered(doing)
                return answer

    def rest(self, doing: str, error: Exception) -> bool:
        """Tell of trouble, wait, and say whether to try again, which a stop allows a few times.

        The wait is evenly from nothing to 1, 2, 4 … LONGEST_PAUSE seconds, AWS's "full jitter".
        """
        trouble = self._meet(doing, error)
        pause = random.uniform(0, min(LONGEST_PAUSE, 2.0 ** min(trouble.failures - 1, 10)))
        if not self._stop.wait(pause):
            return True
        if trouble.late < LAST_ATTEMPTS:
            time.sleep(min(pause, 1.0))  # the event that could end this wait has come
        return trouble.late < LAST_ATTEMPTS

    def recovered(self, doing: str) -> None:
        """Have no trouble with this any more."""
        if self._troubles and self._forget(doing):
            logger.info("AWS answers again.")

    def _meet(self, doing: str, error: Exception) -> Trouble:
        """Count a failure; tell of it unless it is known, may yet be a blip, or all is to end."""
        kind = "network" if is_network(error) else code_of(error)
        key = (threading.get_ident(), doing)
        with self._lock:
            stopped = self._stop.is_set()
            failures, _, late = self._troubles.get(key, (0, "", 0))
            trouble = self._troubles[key] = Trouble(failures + 1, kind, late + stopped)
            blip = is_blip(error) and trouble.failures < BLIPS
            silent = blip or kind in self._told or stopped
            if not silent:
                self._told.add(kind)
        level = logging.DEBUG if silent else logging.WARNING
        logger.log(level, "Cannot %s: %s. Trying again until it works.", doing, explain(error))
        return trouble

    def _forget(self, doing: str) -> bool:
        """Have no trouble with this any more; tell whether a kind told of is over with it."""
        with self._lock:
            self._troubles.pop((threading.get_ident(), doing), None)
            told, left = self._told, {trouble.kind for trouble in self._troubles.values()}
            self._told = told & left
            return self._told != told
