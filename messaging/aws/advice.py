"""Advice: what went wrong with AWS and what to do, in one line for a person."""

from __future__ import annotations

import os
import re
import time
from calendar import timegm
from email.utils import mktime_tz, parsedate_tz
from typing import Any, Callable, Mapping, Optional, Tuple, Type, Union

from botocore import exceptions

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

_NO_SIGNATURE = {"SignatureDoesNotMatch", "InvalidSignatureException"}
_WRONG_CLOCK = {"RequestTimeTooSkewed", "RequestExpired", *_NO_SIGNATURE}
_SKEW = 240  # seconds; AWS tolerates 300 and S3 900, so a smaller skew was not the cause
_BREAK = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")  # lines, or what a terminal obeys
_HINTS = (
    (UNKNOWN_KEY, "AWS does not know the access key: check the credentials"),
    (_NO_SIGNATURE, "AWS does not accept the secret key: check the credentials"),
    (EXPIRED, "the credentials have expired: log in again"),
    (MISSING_QUEUE, "the queue does not exist: check its name and --region"),
)


def explain(error: Any) -> str:
    """Return one line that says what is wrong and what to do."""
    for kinds, tell in _TELLING:
        if isinstance(error, kinds):
            return tell(error)
    return _sentence(error)


def answered_at(headers: Mapping[str, str]) -> Optional[float]:
    """Return the time of a response by the sender's clock, in seconds since the epoch."""
    parsed = parsedate_tz(headers.get("date") or "")
    return mktime_tz(parsed) if parsed else None


def configured(name: str) -> str:
    """Return a setting of the profile in use, or an empty string."""
    import botocore.session  # takes a tenth of a second, which a start without trouble saves

    try:
        return str(botocore.session.get_session().get_scoped_config().get(name, ""))
    except exceptions.BotoCoreError:
        return ""


def _about_refusal(error: exceptions.ClientError) -> str:
    code, operation = code_of(error), error.operation_name
    late = _seconds_late(error) if code in _WRONG_CLOCK else 0.0
    if abs(late) >= _SKEW:
        minutes = f"{abs(late) / 60:,.0f} minutes {'slow' if late > 0 else 'fast'}"
        return f"the clock of this machine is {minutes}, so AWS refuses what it signs: set it right"
    if code in ("400", "403"):  # the response to HEAD has no body
        return (
            f"AWS refused {operation} ({code}) and does not say why: check that the credentials "
            "have not expired, and their rights"
        )
    hint = next((hint for codes, hint in _HINTS if code in codes), "")
    reason = _joined(said(error, "Message")) or "no reason given"
    return hint or f"AWS refused {operation} ({_joined(code)}): {reason}{_about_key(error)}"


def _about_key(error: exceptions.ClientError) -> str:
    if not is_key_trouble(error):
        return ""
    if is_denied(error):
        return "; allow kms:GenerateDataKey and kms:Decrypt on its KMS key"
    return "; look at its KMS key, which cannot be used as it is"


def _about_login(error: Any) -> str:
    profile = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    login = "aws sso login" + (f" --profile {profile}" if profile else "")
    return f"not logged in, or no longer: run `{login}` ({_sentence(error)})"


def _about_network(error: Any) -> str:
    kwargs = getattr(error, "kwargs", {})
    if isinstance(error, exceptions.SSLError):
        return (
            f"the certificate of {kwargs.get('endpoint_url', 'AWS')} is not trusted: where a "
            "proxy reads along, set AWS_CA_BUNDLE to the file of its certificate"
        )
    if isinstance(kwargs.get("error"), ValueError):  # its text contains the token
        return (
            "the credentials hold a character that no header may have, such as a line break: "
            "check AWS_SESSION_TOKEN and the keys"
        )
    where = str(error).split('"')[1::2] or ["AWS"]
    return f"cannot reach {where[0]}: check the network and the region"


def _about_credentials(error: Any) -> str:
    process = configured("credential_process")
    source = f"credential process `{process}`" if process else error.kwargs.get("provider")
    return f"the {source} gave no credentials: {_joined(error.kwargs.get('error_msg', ''))}"


def _seconds_late(error: exceptions.ClientError) -> float:
    """Return how many seconds our clock is behind AWS's."""
    metadata: Any = error.response.get("ResponseMetadata", {})
    theirs = answered_at(metadata.get("HTTPHeaders", {}))
    if theirs is not None:
        return theirs - time.time()
    # Such as: Signature expired: OURS is now earlier than LIMIT (THEIRS - 5 min.)
    found = re.findall(r"\d{8}T\d{6}Z", said(error, "Message"))
    times = [timegm(time.strptime(each, "%Y%m%dT%H%M%SZ")) for each in found]
    return times[2] - times[0] if len(times) == 3 else 0.0


def _sentence(error: Exception) -> str:
    return _joined(error).rstrip(".") or type(error).__name__


def _joined(text: object) -> str:
    return " ".join(_BREAK.sub(" ", str(text)).split())


_Kinds = Union[Type[Exception], Tuple[Type[Exception], ...]]
_TELLING: Tuple[Tuple[_Kinds, Callable[[Any], str]], ...] = (
    (exceptions.ClientError, _about_refusal),
    ((exceptions.SSOError, exceptions.TokenRetrievalError), _about_login),
    (NETWORK, _about_network),
    (
        (exceptions.CredentialRetrievalError, exceptions.MetadataRetrievalError),
        _about_credentials,
    ),
    (
        (exceptions.NoCredentialsError, exceptions.PartialCredentialsError),
        lambda _: (
            "no AWS credentials: run `aws configure`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID"
        ),
    ),
    (
        exceptions.ProfileNotFound,
        lambda error: f"{_sentence(error)}: check --profile and AWS_PROFILE",
    ),
    (
        (exceptions.NoRegionError, exceptions.InvalidRegionError),
        lambda error: f"{_sentence(error)}: give --region, or set AWS_DEFAULT_REGION",
    ),
)
