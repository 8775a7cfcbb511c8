"""Each kind of trouble with AWS has its own line of advice, and no line reveals a secret."""

import time
from email.utils import formatdate
from typing import Any, Dict, Optional

import pytest
from botocore import exceptions
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from messaging.aws.advice import answered_at, explain


def refusal(code: str, message: str = "", clock: Optional[float] = None) -> ClientError:
    """Return an AWS error, stamped by a clock that is so many seconds ahead of ours."""
    headers = {} if clock is None else {"date": formatdate(time.time() + clock, usegmt=True)}
    answer: Any = {
        "Error": {"Code": code, "Message": message},
        "ResponseMetadata": {"HTTPStatusCode": 403, "HTTPHeaders": headers},
    }
    return ClientError(answer, "SendMessage")


BEGUN = time.time()
EXPIRED = (
    "Signature expired: 20261125T120000Z is now earlier than 20261125T130500Z "
    "(20261125T131000Z - 5 min.)"
)
NOT_YET = (
    "Signature not yet current: 20261125T140000Z is still later than 20261125T131500Z "
    "(20261125T131000Z + 5 min.)"
)
ADVICE = [
    (refusal("SignatureDoesNotMatch", "", 3900), "the clock of this machine is 6"),
    (refusal("RequestTimeTooSkewed", "", -7400), "the clock of this machine is 12"),
    (refusal("InvalidSignatureException", EXPIRED), "the clock of this machine is 70 minutes slow"),
    (refusal("SignatureDoesNotMatch", NOT_YET), "the clock of this machine is 50 minutes fast"),
    (refusal("SignatureDoesNotMatch", "", 10), "AWS does not accept the secret key"),
    (refusal("SignatureDoesNotMatch"), "AWS does not accept the secret key"),
    (refusal("400", "Bad Request"), "AWS refused SendMessage (400) and does not say why"),
    (refusal("403", "Forbidden"), "AWS refused SendMessage (403) and does not say why"),
    (refusal("Odd", "why\nnot"), "AWS refused SendMessage (Odd): why not"),
    (
        exceptions.SSOTokenLoadError(error_msg="Token for x does not exist"),
        "not logged in, or no longer: run `aws sso login --profile work`",
    ),
    (
        exceptions.UnauthorizedSSOTokenError(),
        "not logged in, or no longer: run `aws sso login --profile work`",
    ),
    (
        exceptions.CredentialRetrievalError(provider="custom-process", error_msg="no\nluck\n"),
        "the credential process `tool --x` gave no credentials: no luck",
    ),
    (
        exceptions.SSLError(endpoint_url="https://sqs", error=OSError("self-signed certificate")),
        "the certificate of https://sqs is not trusted: where a proxy reads along, set "
        "AWS_CA_BUNDLE",
    ),
    (
        exceptions.EndpointConnectionError(endpoint_url="http://x"),
        "cannot reach http://x: check the network and the region",
    ),
    (
        exceptions.HTTPClientError(error=ValueError("Invalid header value b'TOKEN\\n'")),
        "the credentials hold a character that no header may have, such as a line break: check "
        "AWS_SESSION_TOKEN",
    ),
]


@pytest.fixture
def profile(tmp_path: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """A profile with a credential process."""
    config = tmp_path / "config"
    config.write_text("[profile work]\ncredential_process = tool --x\n")
    monkeypatch.setenv("AWS_CONFIG_FILE", str(config))
    monkeypatch.setenv("AWS_PROFILE", "work")


@pytest.mark.usefixtures("profile")
@pytest.mark.parametrize(("error", "line"), ADVICE, ids=lambda value: str(value)[:40])
def test_advice_fits_its_cause(
    error: Exception, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The line says what is wrong, then what to do, and shows no token."""
    monkeypatch.setattr(time, "time", lambda: BEGUN)  # when the errors above were made
    said = explain(error)

    assert said.startswith(line)
    assert "\n" not in said
    assert "TOKEN\\n" not in said


@given(st.text(), st.text())
def test_advice_is_one_line(code: str, message: str) -> None:
    """Whatever AWS says fits on one line."""
    assert len(explain(refusal(code, message)).splitlines()) == 1


@pytest.mark.parametrize("headers", [{}, {"date": ""}, {"date": "yesterday"}])
def test_an_answer_without_a_time_has_none(headers: Dict[str, str]) -> None:
    """A response without a date has no time."""
    assert answered_at(headers) is None
