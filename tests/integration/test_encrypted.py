"""Trouble with the key that encrypts a queue is waited out, or reported with its remedy."""

from dataclasses import replace
from typing import List

import pytest

from messaging import Connection
from messaging.aws.queues import DEAD_LETTER
from scripts.local_aws import LocalAws
from tests.conftest import Place, take, wait_until
from tests.gateway import Gateway
from tests.plain import open_queue


@pytest.mark.parametrize(
    "code", ["KMS.DisabledException", "KmsInvalidState", "KMS.AccessDeniedException"]
)
def test_a_worker_waits_until_the_key_can_be_used(
    counted: Place, gateway: Gateway, aws: LocalAws, code: str
) -> None:
    """The reply arrives once the key works again, after a single delivery of the request."""
    sqs = Connection(replace(counted.settings, endpoint_url=aws.url)).sqs
    for action in ("SendMessageBatch", "DeleteMessageBatch", "ReceiveMessage"):
        gateway.refuse(action, 400, code, times=2)
    worker = counted.worker("--visibility-timeout", "30")

    counted.send("3,1,2")

    (reply,) = take(open_queue(sqs, counted.settings.output_queue), 20)
    assert '"median": 2' in reply.body
    wait_until(counted.is_empty)
    assert not take(open_queue(sqs, counted.settings.input_queue + DEAD_LETTER), 1)
    assert all("delivery 1 of" in log for log in counted.logs())
    assert "was refused" not in worker.said()


def test_a_client_is_told_which_right_is_missing(counted: Place, gateway: Gateway) -> None:
    """A client that may send but not use the key is told at once what to allow."""
    said: List[str] = []
    for code in ("KMS.AccessDeniedException", "KmsAccessDenied"):
        gateway.faults.clear()
        gateway.refuse("SendMessageBatch", 400, code)

        done = counted.client("3,1,2")

        assert done.returncode == 4
        said.append(done.stderr.splitlines()[-1])
    assert all(
        line.endswith("; allow kms:GenerateDataKey and kms:Decrypt on its KMS key") for line in said
    )
