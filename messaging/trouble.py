"""Trouble with AWS: telling its kinds apart, saying it to people, waiting it out."""

import logging
import random
import threading
import time
from typing import Callable, Dict, NamedTuple, Set, Tuple, TypeVar

import botocore.exceptions
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
)

T = TypeVar("T")
logger = logging.getLogger(__name__)

LONGEST_PAUSE = 20.0  # seconds; with one attempt more, work goes on within 30 s
LAST_ATTEMPTS = 5  # of a thread in trouble, once the program is told to stop
BLIPS = 3  # failures in a row of a kind that mostly passes by itself, before it is told
_NETWORK = (botocore.exceptions.ConnectionError, HTTPClientError)
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
_MISSING_QUEUE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
_THROTTLED = {"RequestThrottled", "Throttling", "ThrottlingException", "SlowDown"}
_UNKNOWN_KEY = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_DENIED = {"AccessDenied", "AccessDeniedException", "403"}
_HINTS = (
    (_UNKNOWN_KEY, "AWS does not know the access key: check the credentials"),
    ({"SignatureDoesNotMatch"}, "AWS does not accept the secret key: check the credentials"),
    (_EXPIRED, "the credentials have expired: log in again"),
    (_MISSING_QUEUE, "the queue does not exist: check its name and --region"),
)


class EntryError(Exception):
    """What AWS says of one entry that it did not carry out, in a batch call that it did.

    `refused` tells whether that is the entry's own fault, so that it will never be carried out.
    """

    def __init__(self, code: str, refused: bool = False) -> None:
        super().__init__(f"AWS failed ({code})")
        self.code = code
        self.refused = refused


AWS_ERRORS = (BotoCoreError, ClientError, EntryError)


def code_of(error: Exception) -> str:
    """Give AWS's own code of an error, or an empty string."""
    if isinstance(error, EntryError):
        return error.code
    return _said(error, "Code") if isinstance(error, ClientError) else ""


def is_missing_queue(error: Exception) -> bool:
    """Tell whether AWS said that a queue does not exist."""
    return code_of(error) in _MISSING_QUEUE


def is_denied(error: Exception) -> bool:
    """Tell whether AWS said that the credentials are good but not for this."""
    return code_of(error) in _DENIED


def is_refusal(error: Exception) -> bool:
    """Tell whether AWS would refuse the same call again, whoever sends it and however often."""
    if isinstance(error, EntryError):
        return error.refused
    if not isinstance(error, ClientError):
        return False
    status = _status(error)
    passing = _THROTTLED | _EXPIRED | _UNKNOWN_KEY | _DENIED | {"RequestTimeout"}
    return 400 <= status < 500 and status not in (403, 429) and code_of(error) not in passing


def may_be_done(error: Exception) -> bool:
    """Tell whether the call may have been carried out all the same: nobody said that it was not."""
    if isinstance(error, ClientError):
        return _status(error) >= 500 and code_of(error) not in _THROTTLED
    return not isinstance(error, EntryError)


def is_lasting(error: Exception) -> bool:
    """Tell whether no waiting will help: a refusal, or a right that is missing."""
    return is_refusal(error) or is_denied(error)


def explain(error: Exception) -> str:
    """Say in one line what is wrong and what to do."""
    if isinstance(error, _NETWORK) and not isinstance(error, SSLError):
        where = str(error).split('"')[1::2] or ["AWS"]
        return f"cannot reach {where[0]}: check the network and the region"
    if isinstance(error, _NO_CREDENTIALS):
        return "no AWS credentials: run `aws configure`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID"
    if isinstance(error, ProfileNotFound):
        return f"{_sentence(error)}: check --profile and AWS_PROFILE"
    if isinstance(error, (NoRegionError, InvalidRegionError)):
        return f"{_sentence(error)}: give --region, or set AWS_DEFAULT_REGION"
    if isinstance(error, ClientError):
        code, operation = code_of(error), error.operation_name
        hint = next((hint for codes, hint in _HINTS if code in codes), "")
        return hint or f"AWS refused {operation} ({code}): {_message(error)}"
    return _sentence(error)


def _message(error: ClientError) -> str:
    return " ".join(_said(error, "Message").split()) or "no reason given"


def _status(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _said(error: ClientError, what: str) -> str:
    """Give what the error's answer says; that of a server that is not AWS may say nothing."""
    return str(error.response.get("Error", {}).get(what, ""))


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def _is_blip(error: Exception) -> bool:
    """Tell whether an error is of the kind that is mostly gone at the next attempt."""
    if isinstance(error, ClientError):
        return _status(error) >= 500 or code_of(error) in _THROTTLED
    return isinstance(error, (*_NETWORK, EntryError))


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
        kind = "network" if isinstance(error, _NETWORK) else code_of(error)
        key = (threading.get_ident(), doing)
        with self._lock:
            stopped = self._stop.is_set()
            failures, _, late = self._troubles.get(key, (0, "", 0))
            trouble = self._troubles[key] = Trouble(failures + 1, kind, late + stopped)
            blip = _is_blip(error) and trouble.failures < BLIPS
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
