"""Trouble with AWS: classifies errors."""

import re

from botocore import exceptions
from botocore.parsers import ResponseParserError

NETWORK = (
    exceptions.ConnectionError,
    exceptions.HTTPClientError,
    exceptions.IncompleteReadError,
    ResponseParserError,  # something else answered: a proxy, a captive portal
)
_CREDENTIALS = (
    exceptions.NoCredentialsError,
    exceptions.PartialCredentialsError,
    exceptions.CredentialRetrievalError,
    exceptions.SSOError,
    exceptions.TokenRetrievalError,
)
MISSING_BUCKET = {"404", "NoSuchKey", "NoSuchBucket"}
MISSING_QUEUE = {"NonExistentQueue", "QueueDoesNotExist"}
UNKNOWN_KEY = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired", "TokenRefreshRequired"}
_WRONG_SIGNATURE = {"SignatureDoesNotMatch", "InvalidSignatureException", "RequestTimeTooSkewed"}
_RENEWABLE = UNKNOWN_KEY | EXPIRED | _WRONG_SIGNATURE
_DENIED = {"AccessDenied", "AccessDeniedException", "KmsAccessDenied", "403"}
# As in botocore's standard retry mode, and what SQS, S3 and KMS add.
_THROTTLED = re.compile("Throttl|SlowDown|LimitExceeded|OverLimit|TooManyRequests|PriorRequest")
_TIMEOUT = {"RequestTimeout", "RequestTimeoutException"}
# The entry itself is wrong, so that a retry would get the same answer.
_FAULT = re.compile(
    "Invalid(Attribute|IdFormat|Message|Parameter)|MissingParameter|TooLong|MessageNotInflight"
    "|ReceiptHandleIsInvalid|UnsupportedOperation"
)


class EntryError(Exception):
    """The failure of one entry in a batch call that otherwise succeeded.

    `refused` says that the entry itself is at fault, so that a retry cannot succeed.
    """

    def __init__(self, code: str, refused: bool = False, message: str = "") -> None:
        super().__init__(f"{message.rstrip('.')} ({code})" if message else f"AWS failed ({code})")
        self.code = code
        self.refused = refused


AWS_ERRORS = (
    exceptions.BotoCoreError,
    exceptions.ClientError,
    EntryError,
    ResponseParserError,
)


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
    return code_of(error) in _DENIED


def is_key_trouble(error: Exception) -> bool:
    """Return whether the KMS key that encrypts a queue or a bucket is the problem."""
    return _whole_code(error).startswith(("KMS.", "Kms"))


def is_renewable(error: Exception) -> bool:
    """Return whether new credentials may help."""
    return isinstance(error, _CREDENTIALS) or code_of(error) in _RENEWABLE


def is_passing(error: Exception) -> bool:
    """Return whether a retry may succeed: network, throttling, faults of AWS, expired keys."""
    if is_key_trouble(error):  # somebody may repair the key; a denied permission fails at once
        return not is_denied(error)
    if is_network(error) or is_renewable(error) or _is_throttled(error):
        return True
    if isinstance(error, exceptions.ClientError):
        status = status_of(error)
        return status >= 500 or status == 429 or code_of(error) in _TIMEOUT
    return isinstance(error, EntryError) and not error.refused


def is_refusal(error: Exception) -> bool:
    """Return whether the entry itself is at fault, so that a retry would fail the same way."""
    if isinstance(error, EntryError):
        other = is_denied(error) or is_missing_queue(error) or is_key_trouble(error)
        return error.refused and not other and not _is_throttled(error)
    return bool(_FAULT.search(code_of(error)))


def is_blip(error: Exception) -> bool:
    """Return whether an error is of the kind that the next attempt rarely meets again."""
    return is_missing_queue(error) or (is_passing(error) and not is_renewable(error))


def status_of(error: exceptions.ClientError) -> int:
    """Return the HTTP status of an error response; 0 if there is none, as within a stream."""
    return error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)


def said(error: exceptions.ClientError, what: str) -> str:
    """Return a field of the error response; a server that is not AWS may leave it out."""
    return str(error.response.get("Error", {}).get(what, ""))


def _is_throttled(error: Exception) -> bool:
    return bool(_THROTTLED.search(code_of(error)))


def _whole_code(error: Exception) -> str:
    if isinstance(error, exceptions.ClientError):
        return said(error, "Code")
    return getattr(error, "code", "")
