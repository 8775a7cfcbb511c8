"""What AWS refuses and what cannot be reached is reported in one clear line."""

import os
import re
import time
from datetime import datetime, timezone
from email.utils import formatdate
from pathlib import Path
from typing import Dict, List, Optional

import pytest
from PIL import Image

from tests.conftest import Place, wait_until
from tests.gateway import Answer, Call, Fault, Gateway, error, service_of
from tests.mishaps import cut

PROGRAMS = {"client": ["3,1,2", "--timeout", "5"], "worker": []}
both = pytest.mark.parametrize("program", PROGRAMS)


def last_line(place: Place, program: str, **environment: str) -> str:
    """Run a program that fails because of AWS; return the one line that it prints."""
    module = f"calculation.{program}"
    done = place.client(*PROGRAMS[program], module=module, environment=environment)
    assert done.returncode == 4, done.stderr
    assert "Traceback" not in done.stderr
    said = [line for line in done.stderr.splitlines() if "Waiting" not in line]
    assert len(said) == 1, done.stderr
    return said[0]


REFUSALS = {
    "InvalidClientTokenId": "AWS does not know the access key: check the credentials",
    "SignatureDoesNotMatch": "AWS does not accept the secret key: check the credentials",
    "ExpiredToken": "the credentials have expired: log in again",
    "AccessDenied": "AWS refused GetQueueUrl (AccessDenied): made for a test",
}
CONFIG = """\
[profile sso]
sso_session = office
sso_account_id = 111122223333
sso_role_name = r
[sso-session office]
sso_start_url = https://x.awsapps.com/start
sso_region = eu-west-3
[profile process]
credential_process = sh -c "echo no luck >&2; exit 3"
[profile nothing]
credential_process = /nonexistent/tool
[profile mfa]
role_arn = arn:aws:iam::000000000000:role/w
source_profile = base
mfa_serial = arn:aws:iam::000000000000:mfa/me
[profile base]
aws_access_key_id = a
aws_secret_access_key = b
"""
PROFILES = {
    "sso": "not logged in, or no longer: run `aws sso login --profile sso`",
    "process": 'the credential process `sh -c "echo no luck >&2; exit 3"` gave no credentials: no',
    "nothing": "the credential process `/nonexistent/tool` gave no credentials: [Errno 2]",
    "mfa": "the profile asks for an MFA code, and there is no terminal to type it at",
}


@both
@pytest.mark.parametrize("code", REFUSALS)
def test_refused_credentials(counted: Place, gateway: Gateway, program: str, code: str) -> None:
    """Each kind of refused credentials has its own error."""
    gateway.refuse("GetQueueUrl", 403, code)

    assert REFUSALS[code] in last_line(counted, program)


@both
def test_no_credentials(place: Place, program: str, tmp_path: object) -> None:
    """Without credentials the error says how to get some."""
    line = last_line(place, program, HOME=str(tmp_path), AWS_ACCESS_KEY_ID="")

    assert "no AWS credentials: run `aws configure`" in line


@both
@pytest.mark.parametrize("profile", PROFILES)
def test_profiles_without_credentials(
    place: Place, program: str, profile: str, tmp_path: Path
) -> None:
    """A profile that yields no credentials gets one line with advice, and no traceback."""
    (tmp_path / "config").write_text(CONFIG)
    place.environment["AWS_CONFIG_FILE"] = str(tmp_path / "config")
    arguments = [*PROGRAMS[program], "--profile", profile]
    module, keys = f"calculation.{program}", {"AWS_ACCESS_KEY_ID": ""}

    done = place.client(*arguments, module=module, environment=keys, start_new_session=True)

    assert done.returncode == 4
    (line,) = done.stderr.splitlines()
    assert line.startswith(f"{program}.py: {PROFILES[profile]}")


@both
def test_a_session_token_with_a_line_break(place: Place, program: str) -> None:
    """A malformed token is not reported as network trouble, and is not shown."""
    line = last_line(place, program, AWS_SESSION_TOKEN="hid\nqqq")

    assert "the credentials hold a character that no header may have" in line
    assert "qqq" not in line


def test_a_clock_that_is_wrong(counted: Place, gateway: Gateway) -> None:
    """A signature that is too old for AWS is reported as a wrong clock, with the difference."""
    refusal = error("GetQueueUrl", 403, "InvalidSignatureException")
    date = formatdate(time.time() + 3600, usegmt=True)
    gateway.spoil("GetQueueUrl", lambda call: (403, {**refusal[1], "Date": date}, refusal[2]))

    assert "the clock of this machine is 60 minutes slow" in last_line(counted, "client")


def test_the_log_of_a_worker_has_a_zone(place: Place) -> None:
    """Each log line starts with a UTC time, as the keys of log objects do."""
    said = place.worker().said()

    for line in said.splitlines():
        assert re.match(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ INFO ", line)
    told = datetime.strptime(said[:20] + "+0000", "%Y-%m-%dT%H:%M:%SZ%z")
    assert abs((datetime.now(timezone.utc) - told).total_seconds()) < 60


@both
@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot reach http://127.0.0.1:9"),
        ({"AWS_DEFAULT_REGION": "no where"}, "give --region, or set AWS_DEFAULT_REGION"),
        ({"AWS_DEFAULT_REGION": ""}, "give --region, or set AWS_DEFAULT_REGION"),
        ({"AWS_PROFILE": "nobody"}, "check --profile and AWS_PROFILE"),
        ({"AWS_ENDPOINT_URL": "localhost:1"}, "check --endpoint-url and AWS_ENDPOINT_URL"),
    ],
    ids=["no network", "bad region", "no region", "no profile", "no scheme"],
)
def test_unusable_settings(
    place: Place, program: str, environment: Dict[str, str], line: str, tmp_path: object
) -> None:
    """The error names the bad setting, and the option that sets it."""
    assert line in last_line(place, program, HOME=str(tmp_path), **environment)


def test_unknown_region_has_no_endpoint(place: Place) -> None:
    """A region that does not exist is reported as one that cannot be reached."""
    line = last_line(place, "client", AWS_ENDPOINT_URL="", AWS_DEFAULT_REGION="mars-north-1")

    assert "cannot reach https://sqs.mars-north-1.amazonaws.com" in line


@both
def test_a_queue_that_may_not_be_created(counted: Place, gateway: Gateway, program: str) -> None:
    """Without the right to create a missing queue, the program ends and names the action."""
    gateway.refuse("CreateQueue", 403, "AccessDenied")

    done = counted.client(*PROGRAMS[program], module=f"calculation.{program}")

    assert done.returncode == 4
    assert "AWS refused CreateQueue (AccessDenied)" in done.stderr.splitlines()[-1]


def test_a_bucket_of_somebody_else(counted: Place, gateway: Gateway) -> None:
    """The worker names the bucket that it may not use, and what to do."""
    for action in ("GetLifecycleConfiguration", "HeadBucket"):
        gateway.refuse(action, 403, "AccessDenied")

    line = last_line(counted, "worker")

    assert f"the bucket {counted.settings.bucket} belongs to somebody else" in line


@pytest.mark.parametrize(
    "words",
    [
        "calculation.worker",
        "calculation.client --file lists.txt",
        "image.worker gamma",
        "image.client image.png",
        "scripts.manage create",
        "scripts.manage dead",
        "scripts.manage delete --yes",
    ],
)
def test_a_bucket_of_another_account_is_left_alone(
    counted: Place, gateway: Gateway, words: str, tmp_path: Path
) -> None:
    """Each request to S3 names the account, so whoever has taken the bucket's name gets nothing."""
    bucket = {"Bucket": counted.settings.bucket}
    counted.inbox(), counted.outbox()
    counted.s3.create_bucket(**bucket)
    counted.s3.put_object(**bucket, Key="logs/calculation/x", Body=b"x")
    (tmp_path / "lists.txt").write_text("1," * 600_000 + "1\n")
    Image.new("L", (8, 8)).save(tmp_path / "image.png")
    unguarded = []

    def refuse(call: Call) -> Optional[Answer]:
        if service_of(call.action) == "s3" and not call.owner:
            unguarded.append(call.action)
        return error(call.action, 403, "AccessDenied") if call.owner else None

    gateway.faults.append(refuse)
    module, *arguments = words.split()
    done = counted.client(*arguments, module=module, cwd=tmp_path)
    gateway.faults.remove(refuse)

    assert (unguarded, "Traceback" in done.stderr) == ([], False)
    assert done.returncode in ((0, 1) if "dead" in words else (1, 4)), done.stderr
    assert [each["Key"] for each in counted.s3.list_objects_v2(**bucket)["Contents"]] == [
        "logs/calculation/x"
    ]


def test_no_right_to_make_a_reply_queue_falls_back_to_sharing(
    counted: Place, gateway: Gateway
) -> None:
    """The client says in one line that it shares the output queue, and is answered there."""
    counted.inbox(), counted.outbox()
    counted.worker()
    gateway.refuse("CreateQueue", 403, "AccessDenied")

    done = counted.client("3,1,2", "5")

    assert done.returncode == 0, done.stderr
    line = f"No right to make a reply queue: sharing {counted.settings.output_queue}."
    assert done.stderr.splitlines() == [line]


def refuse_policy(call: Call) -> Optional[Answer]:
    """Refuse queues with a policy, as a server without policies may."""
    return error(call.action, 400, "InvalidAttributeValue") if b"Policy" in call.body else None


@pytest.mark.parametrize(
    ("action", "fault"),
    [
        ("GetCallerIdentity", lambda call: error(call.action, 403, "AccessDenied")),
        ("GetCallerIdentity", lambda call: (200, {}, b"This is not AWS.")),
        ("GetCallerIdentity", lambda call: (404, {}, b"<html>This is not AWS.</html>")),
        ("GetCallerIdentity", cut),
        ("CreateQueue", refuse_policy),
    ],
    ids=["denied", "junk", "not found", "cut", "no policies"],
)
def test_a_reply_queue_without_a_policy(
    counted: Place, gateway: Gateway, action: str, fault: Fault
) -> None:
    """If STS or SQS cannot protect the reply queue, the client says so in one line and goes on."""
    counted.worker()
    gateway.spoil(action, fault)

    done = counted.client("3,1,2")

    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "Waiting" not in line]
    assert line.startswith("Only its name keeps our reply queue private: ")


def test_trouble_under_way_is_waited_out(counted: Place, gateway: Gateway) -> None:
    """A worker that AWS refuses for a while reports it once, and answers afterwards."""
    worker = counted.worker()
    gateway.refuse("DeleteMessageBatch", 403, "AccessDenied", times=3)
    gateway.refuse("PutObject", 403, "AccessDenied", times=2)

    done = counted.client("3,1,2")

    assert done.returncode == 0, done.stderr
    wait_until(lambda: "Cannot delete requests in" in worker.said())
    wait_until(lambda: "1 of 1 requests answered" in worker.said())
    assert worker.said().count("Cannot write the log") == 1
    assert worker.said().count("Cannot delete requests in") <= 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--timeout", "0"], "'0' is no number of seconds from 0.001 to 1,209,600"),
        (["--timeout", "-5"], "'-5' is no number of seconds from 0.001 to 1,209,600"),
        (["--input-queue", "a/b"], "'a/b' is no queue name"),
        (["--input-queue", ""], "'' is no queue name"),
        (["--reply-queue", ""], "'' is no queue name"),
        (["--bucket", "a b"], "'a b' is no bucket name: 3 to 63 letters, digits, - and ."),
        (["--bucket", "a..b"], "'a..b' is no bucket name"),
        (["--bucket", ""], "'' is no bucket name"),
        (["--region", ""], "argument --region: it is empty"),
        (["--profile", " "], "argument --profile: it is empty"),
        (["--endpoint-url", ""], "'' is no URL"),
        (["--endpoint-url", "localhost:4566"], "'localhost:4566' is no URL: it begins with http"),
        (["--endpoint-url", "http://x:99999"], "'http://x:99999' is no URL"),
        (["--timeout", "nan"], "'nan' is no number of seconds from 0.001 to 1,209,600"),
        (["--timeout", "1e12"], "'1e12' is no number of seconds from 0.001 to 1,209,600"),
        (["--file", "/none"], "cannot read /none: No such file or directory"),
        (["--file", os.sep], "cannot read /: Is a directory"),
    ],
)
def test_wrong_usage(place: Place, arguments: List[str], line: str) -> None:
    """A wrong option is named, and the exit code is 2."""
    done = place.client(*arguments)

    assert done.returncode == 2
    assert line in done.stderr
