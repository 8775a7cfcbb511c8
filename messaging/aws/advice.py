"""Advice: what is wrong with AWS and what to do, in one line for a person."""

from botocore.exceptions import (
    ClientError,
    CredentialRetrievalError,
    InvalidRegionError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
)

from .trouble import (
    EXPIRED,
    MISSING_QUEUE,
    NETWORK,
    UNKNOWN_KEY,
    code_of,
    is_denied,
    is_key_trouble,
    said,
)

_NO_CREDENTIALS = (NoCredentialsError, PartialCredentialsError, CredentialRetrievalError)
_HINTS = (
    (UNKNOWN_KEY, "AWS does not know the access key: check the credentials"),
    ({"SignatureDoesNotMatch"}, "AWS does not accept the secret key: check the credentials"),
    (EXPIRED, "the credentials have expired: log in again"),
    (MISSING_QUEUE, "the queue does not exist: check its name and --region"),
)


def explain(error: Exception) -> str:
    """Say in one line what is wrong and what to do."""
    if isinstance(error, NETWORK) and not isinstance(error, SSLError):
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
        return hint or f"AWS refused {operation} ({code}): {_message(error)}{_about_key(error)}"
    return _sentence(error)


def _about_key(error: ClientError) -> str:
    if not is_key_trouble(error):
        return ""
    if is_denied(error):
        return "; allow kms:GenerateDataKey and kms:Decrypt on its KMS key"
    return "; look at its KMS key, which cannot be used as it is"


def _message(error: ClientError) -> str:
    return " ".join(said(error, "Message").split()) or "no reason given"


def _sentence(error: Exception) -> str:
    return " ".join(str(error).split()).rstrip(".") or type(error).__name__
