"""Trouble with AWS: telling its kinds apart, saying it to people, waiting it out."""

import logging
import random
import threading
from typing import Callable, Dict, TypeVar

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


class PassingError(Exception):
    """Raised for entries of a batch call that failed through no fault of ours."""


AWS_ERRORS = (BotoCoreError, ClientError, PassingError)


def code_of(error: Exception) -> str:
    """Give AWS's own code of an error, or an empty string."""
    return _said(error, "Code") if isinstance(error, ClientError) else ""


def is_missing_queue(error: Exception) -> bool:
    """Tell whether AWS said that a queue does not exist."""
    return code_of(error) in _MISSING_QUEUE


def is_denied(error: Exception) -> bool:
    """Tell whether AWS said that the credentials are good but not for this."""
    return code_of(error) in _DENIED


def is_refusal(error: Exception) -> bool:
    """Tell whether AWS would refuse the same call again, whoever sends it and however often."""
    if not isinstance(error, ClientError):
        return False
    status = error.response["ResponseMetadata"]["HTTPStatusCode"]
    passing = _THROTTLED | _EXPIRED | _UNKNOWN_KEY | _DENIED | {"RequestTimeout"}
    return 400 <= status < 500 and status not in (403, 429) and code_of(error) not in passing


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


def _said(error: ClientError, what: str) -> str:
    """Give what the error's answer says; that of a server that is not AWS may say nothing."""
    return str(error.response.get("Error", {}).get(what, ""))


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__


def once(call: Callable[[], T], doing: str) -> T:
    """Stand in for a `Patience` where there is no time for one."""
    return call()


class Patience:
    """Repeats calls until AWS answers, with full jitter, and tells of each trouble once."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self._lock = threading.Lock()
        self._failing: Dict[str, str] = {}

    def __call__(
        self,
        call: Callable[[], T],
        doing: str,
        unless: Callable[[Exception], bool] = lambda error: False,
    ) -> T:
        """Give what `call` returns; raise its error `unless` waiting may help, or when stopped."""
        attempt = 0
        while True:
            try:
                answer = call()
            except AWS_ERRORS as error:
                if unless(error) or self._stop.is_set():
                    self._forget(doing)
                    raise
                self._tell(doing, error)
            else:
                self._recovered(doing)
                return answer
            attempt += 1
            self._stop.wait(random.uniform(1, min(LONGEST_PAUSE, 2.0**attempt)))

    def _tell(self, doing: str, error: Exception) -> None:
        kind = "network" if isinstance(error, _NETWORK) else code_of(error)
        with self._lock:
            known = kind in self._failing.values()
            self._failing[doing] = kind
        level = logging.DEBUG if known else logging.WARNING
        logger.log(level, "Cannot %s: %s. Trying again until it works.", doing, explain(error))

    def _recovered(self, doing: str) -> None:
        if self._failing and self._forget(doing):
            logger.info("AWS answers again.")

    def _forget(self, doing: str) -> bool:
        """Have no trouble with this any more; tell whether it was the last of its kind."""
        with self._lock:
            kind = self._failing.pop(doing, None)
            return kind is not None and kind not in self._failing.values()
