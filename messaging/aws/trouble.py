"""Trouble with AWS: telling its kinds apart."""

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
    ResponseParserError,  # what answered is no AWS: a proxy, a portal
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
# As botocore's standard retries know them, and those that SQS, S3 and KMS add.
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
# What SQS finds wrong with entries, so that it would say the same again.
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
    """What AWS says of one entry that it did not carry out, in a batch call that it did.

    `refused` tells whether that is the entry's own fault, so that it will never be carried out.
    """

    def __init__(self, code: str, refused: bool = False, message: str = "") -> None:
        super().__init__(f"{message.rstrip('.')} ({code})" if message else f"AWS failed ({code})")
        self.code = code
        self.refused = refused


AWS_ERRORS = (BotoCoreError, ClientError, EntryError, ResponseParserError)


def code_of(error: Exception) -> str:
    """Give AWS's own code of an error without the name of a service before it, or nothing."""
    return _whole_code(error).rpartition(".")[2]


def is_network(error: Exception) -> bool:
    """Tell whether AWS was not reached, or its answer not heard."""
    return isinstance(error, NETWORK)


def is_missing_queue(error: Exception) -> bool:
    """Tell whether AWS said that a queue does not exist."""
    return code_of(error) in MISSING_QUEUE


def is_denied(error: Exception) -> bool:
    """Tell whether AWS said that the credentials are good but not for this."""
    return code_of(error) in DENIED


def is_key_trouble(error: Exception) -> bool:
    """Tell whether the KMS key with which a queue or a bucket is encrypted stands in the way."""
    return _whole_code(error).startswith(("KMS.", "Kms"))


def is_renewable(error: Exception) -> bool:
    """Tell whether new credentials may mend it."""
    return isinstance(error, CREDENTIALS) or code_of(error) in RENEWABLE


def is_passing(error: Exception) -> bool:
    """Tell whether waiting mends it: the network, throttling, AWS's own fault, expired keys."""
    if is_key_trouble(error):  # somebody may see to the key; a right is told of at once
        return not is_denied(error)
    if isinstance(error, ClientError):
        return status_of(error) >= 500 or status_of(error) == 429 or code_of(error) in _PASSING
    if isinstance(error, EntryError):
        return not error.refused or code_of(error) in THROTTLED
    return is_network(error) or isinstance(error, CREDENTIALS)


def is_refusal(error: Exception) -> bool:
    """Tell whether the entry itself is at fault, so that AWS would say the same again."""
    if isinstance(error, EntryError):
        passing = code_of(error) in THROTTLED | DENIED | MISSING_QUEUE or is_key_trouble(error)
        return error.refused and not passing
    return isinstance(error, ClientError) and code_of(error) in _FAULTS


def is_blip(error: Exception) -> bool:
    """Tell whether an error is of the kind that is mostly gone at the next attempt."""
    return is_passing(error) and not is_renewable(error)


def status_of(error: ClientError) -> int:
    """Give the HTTP status of an error's answer."""
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def _whole_code(error: Exception) -> str:
    return said(error, "Code") if isinstance(error, ClientError) else getattr(error, "code", "")


def said(error: ClientError, what: str) -> str:
    """Give what the error's answer says; that of a server that is not AWS may say nothing."""
    return str(error.response.get("Error", {}).get(what, ""))
