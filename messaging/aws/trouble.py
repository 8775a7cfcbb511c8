"""Trouble with AWS: telling its kinds apart, and saying it to people."""

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

_NETWORK = (botocore.exceptions.ConnectionError, HTTPClientError)
_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
_MISSING_QUEUE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
# As botocore's standard retries know them, and those that SQS adds.
_THROTTLED = {
    "BandwidthLimitExceeded",
    "LimitExceededException",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
    "KmsThrottled",
    "OverLimit",
}
_UNKNOWN_KEY = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"}
_EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
_DENIED = {"AccessDenied", "AccessDeniedException", "403"}
_TIMEOUTS = {"RequestTimeout", "RequestTimeoutException"}
_PASSING = _THROTTLED | _EXPIRED | _UNKNOWN_KEY | _DENIED | _TIMEOUTS
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


def is_network(error: Exception) -> bool:
    """Tell whether AWS was not reached, or its answer not heard."""
    return isinstance(error, _NETWORK)


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
        return error.refused and error.code not in _THROTTLED
    if not isinstance(error, ClientError):
        return False
    status = _status(error)
    return 400 <= status < 500 and status not in (403, 429) and code_of(error) not in _PASSING


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


def is_blip(error: Exception) -> bool:
    """Tell whether an error is of the kind that is mostly gone at the next attempt."""
    if isinstance(error, ClientError):
        return _status(error) >= 500 or code_of(error) in _THROTTLED
    return isinstance(error, (*_NETWORK, EntryError))
