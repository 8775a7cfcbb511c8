"""The stack where something was before: made by hand, or by a deleted stack."""

import json
import subprocess
import sys
from typing import Iterator, List

import pytest

from scripts.local_aws import LocalAws
from tests.conftest import ROOT, Running

from .stack import BUCKET, Stack, client, create, delete, environment, run


@pytest.fixture
def server() -> Iterator[LocalAws]:
    """A server for one test, since a stack's names are fixed."""
    with LocalAws() as aws:
        if aws.kind != "ministack":
            pytest.skip("moto's server makes only some of the stack")
        yield aws


def manage(aws: LocalAws, *words: str) -> None:
    """Run manage.py to its end."""
    command = [sys.executable, "-m", "scripts.manage", *words]
    subprocess.run(command, cwd=ROOT, env=aws.environment, stdout=subprocess.PIPE, check=True)


def answers(stack: Stack) -> bool:
    """Return whether the stack's worker answers its client."""
    worker = [sys.executable, "-m", "calculation.worker"]
    running = Running(worker, environment(stack, stack.aws.url, "worker"))
    running.wait_for(" reads ")
    median = json.loads(run(stack, stack.aws.url, "--json", "3,1,2"))["median"]
    running.process.kill()
    running.process.wait()
    return bool(median == 2)


@pytest.mark.parametrize(("images", "make"), [([], "yes"), (["holiday.jpg"], "no")])
def test_by_hand_first_and_the_stack_after(server: LocalAws, images: List[str], make: str) -> None:
    """After `delete` a stack can be created, with MakeBucket=no if a bucket with images stayed.

    Once deleted, it leaves the bucket as it was, closed to plain HTTP, and can be deployed again.
    """
    s3 = client(server, "s3")
    manage(server, "create", "calculation")
    for key in images:
        s3.put_object(Bucket=BUCKET, Key=key, Body=b"x")
    manage(server, "delete", "calculation", "--yes")

    first = create(server, "calculation", MakeBucket=make)
    assert answers(first)
    s3.put_object(Bucket=BUCKET, Key="later.jpg", Body=b"x")
    delete(first)
    left = s3.list_objects_v2(Bucket=BUCKET)["Contents"]
    policy = s3.get_bucket_policy(Bucket=BUCKET)["Policy"] if make == "yes" else "TlsOnly"
    second = create(server, "calculation", MakeBucket="no")

    assert {*images, "later.jpg"} <= {each["Key"] for each in left}
    assert "TlsOnly" in policy
    assert answers(second)
