"""Trouble with AWS: classifies errors."""

import botocore.exceptions
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    IncompleteReadError,
    NoCredentialsError,
    PartialCredentialsError,
    SSOError,
    TokenRetrievalError,
)
from botocore.parsers import ResponseParserError

NETWORK = (
    botocore.exceptions.ConnectionError,
    HTTPClientError,
    IncompleteReadError,
    ResponseParserError,  # something else answered: a proxy, a captive portal
)
CREDENTIALS = (
    NoCredentialsError,
    PartialCredentialsError,
    CredentialRetrievalError,
    SSOError,
    TokenRetrievalError,
)
MISSING_BUCKET = {"404", "NoSuchKey", "NoSuchBucket"}
MISSING_QUEUE = {"NonExistentQueue", "QueueDoesNotExist"}
# Those of botocore's standard retry mode, and those that SQS, S3 and KMS add.
THROTTLED = {
    "BandwidthLimitExceeded",
    "KmsThrottled",
    "LimitExceededException",
    "OverLimit",
    "PriorRequestNotComplete",
    "RequestLimitExceeded",
    "RequestThrottled",
    "RequestThrottledException",
    "SlowDown",
    "ThrottledException",
    "Throttling",
    "ThrottlingException",
    "TooManyRequestsException",
}
UNKNOWN_KEY = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
WRONG_SIGNATURE = {"SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed"}
RENEWABLE = UNKNOWN_KEY | EXPIRED | WRONG_SIGNATURE
DENIED = {"AccessDenied", "AccessDeniedException", "KmsAccessDenied", "403"}
_PASSING = THROTTLED | RENEWABLE | {"RequestTimeout", "RequestTimeoutException"}
# The entry itself is wrong, so that a retry would get the same answer.
_FAULTS = {
    "BatchRequestTooLong",
    "InvalidAttributeName",
    "InvalidAttributeValue",
    "InvalidIdFormat",
    "InvalidMessageContents",
    "InvalidParameterCombination",
    "InvalidParameterValue",
    "InvalidParameterValueException",
    "MessageNotInflight",
    "MissingParameter",
    "ReceiptHandleIsInvalid",
    "UnsupportedOperation",
}


class EntryError(Exception):
    """The failure of one entry in a batch call that otherwise succeeded.

    `refused` says that the entry itself is at fault, so that a retry cannot succeed.
    """

    def __init__(self, code: str, refused: bool = False, message: str = "") -> None:
        super().__init__(f"{message.rstrip('.')} ({code})" if message else f"AWS failed ({code})")
        self.code = code
        self.refused = refused


AWS_ERRORS = (BotoCoreError, ClientError, EntryError, ResponseParserError)


def code_of(error: Exception) -> str:
    """Return AWS's error code, without the name of a service before it; empty if there is none."""
    return _whole_code(error).rpartition(".")[2]


def is_network(error: Exception) -> bool:
    """Return whether AWS was not reached, or its response did not arrive."""
    return isinstance(error, NETWORK)


def is_missing_queue(error: Exception) -> bool:
    """Return whether AWS said that a queue does not exist."""
    return code_of(error) in MISSING_QUEUE


def is_denied(error: Exception) -> bool:
    """Return whether AWS accepted the credentials but denied the permission."""
    return code_of(error) in DENIED


def is_key_trouble(error: Exception) -> bool:
    """Return whether the KMS key that encrypts a queue or a bucket is the problem."""
    return _whole_code(error).startswith(("KMS.", "Kms"))


def is_renewable(error: Exception) -> bool:
    """Return whether new credentials may help."""
    return isinstance(error, CREDENTIALS) or code_of(error) in RENEWABLE


def is_passing(error: Exception) -> bool:
    """Return whether a retry may succeed: network, throttling, faults of AWS, expired keys."""
    if is_key_trouble(error):  # somebody may repair the key; a denied permission fails at once
        return not is_denied(error)
    if isinstance(error, ClientError):
        return status_of(error) >= 500 or status_of(error) == 429 or code_of(error) in _PASSING
    if isinstance(error, EntryError):
        return not error.refused or code_of(error) in THROTTLED
    return is_network(error) or isinstance(error, CREDENTIALS)


def is_refusal(error: Exception) -> bool:
    """Return whether the entry itself is at fault, so that a retry would fail the same way."""
    if isinstance(error, EntryError):
        passing = code_of(error) in THROTTLED | DENIED | MISSING_QUEUE or is_key_trouble(error)
        return error.refused and not passing
    return isinstance(error, ClientError) and code_of(error) in _FAULTS


def is_blip(error: Exception) -> bool:
    """Return whether an error is of the kind that the next attempt rarely meets again."""
    return is_passing(error) and not is_renewable(error)


def status_of(error: ClientError) -> int:
    """Return the HTTP status of an error response."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _whole_code(error: Exception) -> str:
    return said(error, "Code") if isinstance(error, ClientError) else getattr(error, "code", "")


def said(error: ClientError, what: str) -> str:
    """Return a field of the error response; a server that is not AWS may leave it out."""
    return str(error.response.get("Error", {}).get(what, ""))
