"""What AWS refuses, and what cannot be reached, is told in one clear line."""

import os
from typing import Dict, List, Optional

import pytest

from tests.conftest import Place, wait_until
from tests.gateway import Answer, Call, Fault, Gateway, error
from tests.mishaps import cut

PROGRAMS = {"client": ["3,1,2", "--timeout", "5"], "worker": []}
both = pytest.mark.parametrize("program", PROGRAMS)


def last_line(place: Place, program: str, **environment: str) -> str:
    """Run a program that AWS ends; give the one line it says."""
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


@both
@pytest.mark.parametrize("code", REFUSALS)
def test_refused_credentials(counted: Place, gateway: Gateway, program: str, code: str) -> None:
    """Each kind of refused credentials has its own line."""
    gateway.refuse("GetQueueUrl", 403, code)

    assert REFUSALS[code] in last_line(counted, program)


@both
def test_no_credentials(place: Place, program: str, tmp_path: object) -> None:
    """Without credentials the line says how to get some."""
    line = last_line(place, program, HOME=str(tmp_path), AWS_ACCESS_KEY_ID="")

    assert "no AWS credentials: run `aws configure`" in line


@both
@pytest.mark.parametrize(
    ("environment", "line"),
    [
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "cannot reach http://127.0.0.1:9"),
        ({"AWS_DEFAULT_REGION": "no where"}, "give --region, or set AWS_DEFAULT_REGION"),
        ({"AWS_DEFAULT_REGION": ""}, "give --region, or set AWS_DEFAULT_REGION"),
        ({"AWS_PROFILE": "nobody"}, "check --profile and AWS_PROFILE"),
    ],
    ids=["no network", "bad region", "no region", "no profile"],
)
def test_unusable_settings(
    place: Place, program: str, environment: Dict[str, str], line: str, tmp_path: object
) -> None:
    """What the person set wrong is named, with the option to set it right."""
    assert line in last_line(place, program, HOME=str(tmp_path), **environment)


def test_unknown_region_has_no_endpoint(place: Place) -> None:
    """A region that does not exist cannot be reached, and the line says so."""
    line = last_line(place, "client", AWS_ENDPOINT_URL="", AWS_DEFAULT_REGION="mars-north-1")

    assert "cannot reach https://sqs.mars-north-1.amazonaws.com" in line


@both
def test_a_queue_that_may_not_be_created(counted: Place, gateway: Gateway, program: str) -> None:
    """A missing queue and no right to make it end the program with the action refused."""
    gateway.refuse("CreateQueue", 403, "AccessDenied")

    done = counted.client(*PROGRAMS[program], module=f"calculation.{program}")

    assert done.returncode == 4
    assert "AWS refused CreateQueue (AccessDenied)" in done.stderr.splitlines()[-1]


def test_a_bucket_of_somebody_else(counted: Place, gateway: Gateway) -> None:
    """The worker names the bucket it may not use, and what to do."""
    for action in ("GetLifecycleConfiguration", "HeadBucket"):
        gateway.refuse(action, 403, "AccessDenied")

    line = last_line(counted, "worker")

    assert f"the bucket {counted.settings.bucket} belongs to somebody else" in line


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
    """Refuse a queue with a policy, as a server may that knows none."""
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
    """Where STS or SQS cannot help to protect it, the client says so in one line and goes on."""
    counted.worker()
    gateway.spoil(action, fault)

    done = counted.client("3,1,2")

    assert done.returncode == 0, done.stderr
    (line,) = [line for line in done.stderr.splitlines() if "Waiting" not in line]
    assert line.startswith("Only its name keeps our reply queue private: ")


def test_trouble_under_way_is_waited_out(counted: Place, gateway: Gateway) -> None:
    """A worker that AWS refuses for a while says so once, and answers when it is over."""
    worker = counted.worker()
    gateway.refuse("DeleteMessageBatch", 403, "AccessDenied", times=3)
    gateway.refuse("PutObject", 403, "AccessDenied", times=2)

    done = counted.client("3,1,2")

    assert done.returncode == 0, done.stderr
    wait_until(lambda: "Cannot delete from" in worker.said())
    wait_until(lambda: "1 of 1 requests answered" in worker.said())
    assert worker.said().count("Cannot write the log") == 1
    assert worker.said().count("Cannot delete from") <= 1


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["--timeout", "0"], "'0' is no number of seconds above 0"),
        (["--timeout", "-5"], "'-5' is no number of seconds above 0"),
        (["--input-queue", "a/b"], "'a/b' is no queue name"),
        (["--file", "/none"], "cannot read /none: No such file or directory"),
        (["--file", os.sep], "cannot read /: Is a directory"),
    ],
)
def test_wrong_usage(place: Place, arguments: List[str], line: str) -> None:
    """A wrong option is named; the exit code is 2."""
    done = place.client(*arguments)

    assert done.returncode == 2
    assert line in done.stderr
