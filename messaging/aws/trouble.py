"""Trouble with AWS: telling its kinds apart."""

import botocore.exceptions
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    HTTPClientError,
)

NETWORK = (botocore.exceptions.ConnectionError, HTTPClientError)
MISSING_QUEUE = {"AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist"}
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
    "KMS.ThrottlingException",
    "KmsThrottled",
    "OverLimit",
}
UNKNOWN_KEY = {"InvalidClientTokenId", "UnrecognizedClientException", "InvalidAccessKeyId"}
EXPIRED = {"ExpiredToken", "ExpiredTokenException", "RequestExpired"}
# Of the key with which a queue or a bucket is encrypted; AWS says these with its prefix or without.
KEY_DENIED = {"KMS.AccessDeniedException", "KmsAccessDenied"}
KEY_UNUSABLE = {
    "KMS.DisabledException",
    "KmsDisabled",
    "KMS.InvalidKeyUsageException",
    "KmsInvalidKeyUsage",
    "KMS.InvalidStateException",
    "KMS.KMSInvalidStateException",
    "KmsInvalidState",
    "KMS.NotFoundException",
    "KmsNotFound",
    "KMS.OptInRequired",
    "KmsOptInRequired",
}
_DENIED = {"AccessDenied", "AccessDeniedException", "403", *KEY_DENIED}
_TIMEOUTS = {"RequestTimeout", "RequestTimeoutException"}
_PASSING = _THROTTLED | EXPIRED | UNKNOWN_KEY | _DENIED | KEY_UNUSABLE | _TIMEOUTS


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
    return isinstance(error, NETWORK)


def code_of(error: Exception) -> str:
    """Give AWS's own code of an error, or an empty string."""
    if isinstance(error, EntryError):
        return error.code
    return said(error, "Code") if isinstance(error, ClientError) else ""


def is_missing_queue(error: Exception) -> bool:
    """Tell whether AWS said that a queue does not exist."""
    return code_of(error) in MISSING_QUEUE


def is_denied(error: Exception) -> bool:
    """Tell whether AWS said that the credentials are good but not for this."""
    return code_of(error) in _DENIED


def is_refusal(error: Exception) -> bool:
    """Tell whether AWS would refuse the same call again, whoever sends it and however often."""
    if isinstance(error, EntryError):
        return error.refused and error.code not in _PASSING
    if not isinstance(error, ClientError):
        return False
    status = status_of(error)
    return 400 <= status < 500 and status not in (403, 429) and code_of(error) not in _PASSING


def may_be_done(error: Exception) -> bool:
    """Tell whether the call may have been carried out all the same: nobody said that it was not."""
    if isinstance(error, ClientError):
        return status_of(error) >= 500 and code_of(error) not in _THROTTLED
    return not isinstance(error, EntryError)


def is_lasting(error: Exception) -> bool:
    """Tell whether no waiting will help: a refusal, or a right that is missing."""
    return is_refusal(error) or is_denied(error)


def is_blip(error: Exception) -> bool:
    """Tell whether an error is of the kind that is mostly gone at the next attempt."""
    if isinstance(error, ClientError):
        return status_of(error) >= 500 or code_of(error) in _THROTTLED
    return isinstance(error, (*NETWORK, EntryError))


def status_of(error: ClientError) -> int:
    return error.response["ResponseMetadata"]["HTTPStatusCode"]


def said(error: ClientError, what: str) -> str:
    """Give what the error's answer says; that of a server that is not AWS may say nothing."""
    return str(error.response.get("Error", {}).get(what, ""))
