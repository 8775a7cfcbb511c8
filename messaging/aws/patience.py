"""Patience: waiting out what waiting mends, and telling of trouble once."""

import logging
import random
import threading
from typing import Callable, Dict, NamedTuple, Set, TypeVar

from .. import clock
from .advice import explain
from .trouble import AWS_ERRORS, code_of, is_blip, is_network, is_passing, is_renewable

T = TypeVar("T")
logger = logging.getLogger(__name__)

LONGEST_PAUSE = 20.0  # seconds; with one attempt more, work goes on within 30 s
LAST_PAUSE = 0.5  # seconds; the longest once the program is told to stop
BLIPS = 3  # failures in a row of a kind that mostly passes by itself, before it is told


class Trouble(NamedTuple):
    """What is known of trouble with one doing: failures in a row, and its kind."""

    failures: int
    kind: str


class Patience:
    """Tries again until it works, each thread for itself, and tells of each trouble once.

    Args:
        renew: called when new credentials may help, before the next attempt
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
        """Give what `call` returns; raise an error that is not `worth` waiting, or when stopped."""
        failures = 0
        answered = False
        try:
            while True:
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
                    answered = True
                    return answer
        finally:
            if failures:
                self.over(doing, answered)

    def stop(self, seconds: float) -> None:
        """Give up what does not work `seconds` from now, and pause for shorter till then."""
        self._until = clock.now() + seconds
        self._stopping.set()

    def end(self) -> None:
        """Let nothing be tried again."""
        self._until = float("-inf")
        self._ended.set()
        self._stopping.set()

    def met(self, doing: str, error: Exception) -> None:
        """Tell of trouble, unless its kind is told of or may yet be a blip; renew what may help."""
        if is_renewable(error):
            self._renew()
        kind = _kind_of(error, doing)
        before = self._troubles.get(doing, Trouble(0, kind))
        now = self._troubles[doing] = Trouble(before.failures + 1, kind)
        self._forget(before.kind)
        blip = is_blip(error) and now.failures < BLIPS
        silent = blip or kind in self._told or self._stopping.is_set()
        if not silent:
            self._told.add(kind)
        level = logging.DEBUG if silent else logging.WARNING
        logger.log(level, "Cannot %s: %s. Trying again until it works.", doing, explain(error))

    def over(self, doing: str, answered: bool = True) -> None:
        """Have no trouble with this any more: AWS answered, or it is given up."""
        trouble = self._troubles.pop(doing, None)
        if trouble and self._forget(trouble.kind) and answered:
            logger.info("AWS answers again.")

    def _forget(self, kind: str) -> bool:
        """Let a kind that nobody has any more be told when it comes anew; tell whether it was."""
        over = kind in self._told and all(each.kind != kind for each in [*self._troubles.values()])
        if over:
            self._told.discard(kind)
        return over

    def _rest(self, failures: int) -> bool:
        """Pause as long as `pause` says; tell whether to go on, which a stop allows for a while."""
        seconds = pause(failures)
        if self._stopping.wait(seconds):
            self._ended.wait(min(seconds, LAST_PAUSE))
        return clock.now() < self._until


def pause(failures: int, longest: float = LONGEST_PAUSE) -> float:
    """Give evenly from nothing to 1, 2, 4 … `longest` seconds: AWS's "full jitter"."""
    return random.uniform(0, min(longest, 2.0 ** min(failures - 1, 10)))


def _kind_of(error: Exception, doing: str) -> str:
    """Name the kind of an error: what befalls all doings alike is one, the rest one for each."""
    kind = "network" if is_network(error) else code_of(error)
    return kind if is_passing(error) else f"{kind}, {doing}"
