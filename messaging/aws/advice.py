"""Advice: what went wrong with AWS and what to do, in one line for a person."""

from __future__ import annotations

import os
import re
import time
from calendar import timegm
from email.utils import mktime_tz, parsedate_tz
from typing import Any, Callable, Mapping, Optional, Tuple, Type

from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    CredentialRetrievalError,
    HTTPClientError,
    InvalidRegionError,
    MetadataRetrievalError,
    NoCredentialsError,
    NoRegionError,
    PartialCredentialsError,
    ProfileNotFound,
    SSLError,
    SSOError,
    TokenRetrievalError,
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

_NO_SIGNATURE = {"SignatureDoesNotMatch", "InvalidSignatureException"}
_WRONG_CLOCK = {"RequestTimeTooSkewed", "RequestExpired", *_NO_SIGNATURE}
_SKEW = 240  # seconds; AWS tolerates 300 and S3 900, so a smaller skew was not the cause
_BREAK = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]")  # lines, or what a terminal obeys
_TIME = r"\d{8}T\d{6}Z"
_HINTS = (
    (UNKNOWN_KEY, "AWS does not know the access key: check the credentials"),
    (_NO_SIGNATURE, "AWS does not accept the secret key: check the credentials"),
    (EXPIRED, "the credentials have expired: log in again"),
    (MISSING_QUEUE, "the queue does not exist: check its name and --region"),
)


def explain(error: Exception) -> str:
    """Return one line that says what is wrong and what to do."""
    for kinds, tell in _TELLING:
        if isinstance(error, kinds):
            return tell(error)
    return _sentence(error)


def answered_at(headers: Mapping[str, str]) -> Optional[float]:
    """Return the time of a response by the sender's clock, in seconds since the epoch."""
    parsed = parsedate_tz(headers.get("date") or "")
    return mktime_tz(parsed) if parsed else None


def _refused(error: Any) -> str:
    code, operation = code_of(error), error.operation_name
    late = _seconds_late(error) if code in _WRONG_CLOCK else 0.0
    if abs(late) >= _SKEW:
        return (
            f"the clock of this machine is {abs(late) / 60:,.0f} minutes "
            f"{'slow' if late > 0 else 'fast'}, so AWS refuses what it signs: set it right"
        )
    if code in ("400", "403"):  # the response to HEAD has no body
        return (
            f"AWS refused {operation} ({code}) and does not say why: check that the credentials "
            "have not expired, and their rights"
        )
    hint = next((hint for codes, hint in _HINTS if code in codes), "")
    said_so = f"AWS refused {operation} ({_joined(code)}): {_message(error)}"
    return hint or said_so + _about_key(error)


def _about_key(error: ClientError) -> str:
    if not is_key_trouble(error):
        return ""
    if is_denied(error):
        return "; allow kms:GenerateDataKey and kms:Decrypt on its KMS key"
    return "; look at its KMS key, which cannot be used as it is"


def _seconds_late(error: ClientError) -> float:
    """Return how many seconds our clock is behind AWS's."""
    metadata: Any = error.response.get("ResponseMetadata", {})
    theirs = answered_at(metadata.get("HTTPHeaders", {}))
    if theirs is not None:
        return theirs - time.time()
    # Such as: Signature expired: OURS is now earlier than LIMIT (THEIRS - 5 min.)
    times = [_seconds(each) for each in re.findall(_TIME, _message(error))]
    return times[2] - times[0] if len(times) == 3 else 0.0


def _seconds(text: str) -> float:
    return timegm(time.strptime(text, "%Y%m%dT%H%M%SZ"))


def _no_network(error: Any) -> str:
    if isinstance(
        getattr(error, "kwargs", {}).get("error"), ValueError
    ):  # its text contains the token
        return (
            "the credentials hold a character that no header may have, such as a line break: "
            "check AWS_SESSION_TOKEN and the keys"
        )
    where = str(error).split('"')[1::2] or ["AWS"]
    return f"cannot reach {where[0]}: check the network and the region"


def _no_trust(error: Any) -> str:
    where = error.kwargs.get("endpoint_url", "AWS")
    return (
        f"the certificate of {where} is not trusted: where a proxy reads along, "
        "set AWS_CA_BUNDLE to the file of its certificate"
    )


def _no_session(error: Exception) -> str:
    profile = os.environ.get("AWS_PROFILE") or os.environ.get("AWS_DEFAULT_PROFILE")
    login = "aws sso login" + (f" --profile {profile}" if profile else "")
    return f"not logged in, or no longer: run `{login}` ({_sentence(error)})"


def _no_credentials(error: Any) -> str:
    process = configured("credential_process")
    source = f"credential process `{process}`" if process else error.kwargs.get("provider")
    return f"the {source} gave no credentials: {_joined(error.kwargs.get('error_msg', ''))}"


def configured(name: str) -> str:
    """Return a setting of the profile in use, or an empty string."""
    import botocore.session  # takes a tenth of a second, which a start without trouble saves

    try:
        return str(botocore.session.get_session().get_scoped_config().get(name, ""))
    except BotoCoreError:
        return ""


def _message(error: ClientError) -> str:
    return _joined(said(error, "Message")) or "no reason given"


def _sentence(error: Exception) -> str:
    return _joined(error).rstrip(".") or type(error).__name__


def _joined(text: object) -> str:
    return " ".join(_BREAK.sub(" ", str(text)).split())


_TELLING: Tuple[Tuple[Tuple[Type[Exception], ...], Callable[[Any], str]], ...] = (
    ((SSOError, TokenRetrievalError), _no_session),
    ((SSLError,), _no_trust),
    ((*NETWORK, HTTPClientError), _no_network),
    (
        (NoCredentialsError, PartialCredentialsError),
        lambda error: (
            "no AWS credentials: run `aws configure`, or set AWS_PROFILE or AWS_ACCESS_KEY_ID"
        ),
    ),
    ((CredentialRetrievalError, MetadataRetrievalError), _no_credentials),
    (
        (ProfileNotFound,),
        lambda error: f"{_sentence(error)}: check --profile and AWS_PROFILE",
    ),
    (
        (NoRegionError, InvalidRegionError),
        lambda error: f"{_sentence(error)}: give --region, or set AWS_DEFAULT_REGION",
    ),
    ((ClientError,), _refused),
)
