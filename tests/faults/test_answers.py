"""A response may get lost after its request was carried out: nothing is lost or done twice."""

from __future__ import annotations

import json
from itertools import product
from pathlib import Path

import pytest
from PIL import Image

from scripts.local_aws import LocalAws
from tests.conftest import Place, take, wait_until
from tests.faults.lists import PACKED, SINGLY, ask
from tests.gateway import Gateway
from tests.mishaps import cut, drop_answer, every_third

ACTIONS = [
    "GetQueueUrl",
    "GetQueueAttributes",
    "CreateQueue",
    "GetLifecycleConfiguration",
    "PutBucket",
    "PutObject",
    "SendMessageBatch",
    "ReceiveMessage",
    "DeleteMessageBatch",
    "DeleteQueue",
]
BUSY = ["SendMessageBatch", "DeleteMessageBatch", "PutObject"]


@pytest.mark.parametrize("action", ACTIONS)
def test_an_answer_dropped_after_the_deed(
    counted: Place, gateway: Gateway, tmp_path: Path, action: str
) -> None:
    """One request of each action is carried out, but its response lost: all results are right."""
    gateway.spoil(action, drop_answer, times=1)
    counted.worker("--visibility-timeout", "3")

    ask(counted, tmp_path, 25)

    assert gateway.counts[action] >= 2


@pytest.mark.parametrize("action", ["GetObject", "PutObject", "GetLifecycleConfiguration"])
def test_an_answer_dropped_on_the_way_of_an_image(
    counted: Place, gateway: Gateway, tmp_path: Path, action: str
) -> None:
    """One response of each action of the image pair is lost: the result is right."""
    Image.new("L", (20, 20), 64).save(tmp_path / "grey.png")
    counted.worker("gamma", module="image.worker")
    gateway.counts.clear()
    gateway.spoil(action, drop_answer, times=1)

    done = counted.client("grey.png", module="image.client", cwd=tmp_path)

    assert done.returncode == 0, done.stderr
    assert gateway.counts[action] >= 2
    with Image.open(tmp_path / "greyprocessed.png") as image:
        assert image.getpixel((0, 0)) == 136  # 64 at gamma 2.2


def test_a_reply_lost_on_its_way_comes_again(
    counted: Place, gateway: Gateway, aws: LocalAws
) -> None:
    """A reply that SQS delivered, but the client never got, arrives within 40 s."""
    counted.worker(url=aws.url)
    gateway.spoil("ReceiveMessage", drop_answer, times=1)

    done = counted.client("3,1,2")

    assert done.returncode == 0, done.stderr
    assert "median  2" in done.stdout
    assert gateway.counts["ReceiveMessage"] >= 2


def test_a_dropped_answer_to_a_renewal(counted: Place, gateway: Gateway) -> None:
    """A renewal whose response was lost costs no lease."""
    gateway.spoil("ChangeMessageVisibilityBatch", drop_answer, times=1)
    counted.worker("--visibility-timeout", "3", module="tests.slow_worker")

    counted.send("sleep 5")

    (reply,) = take(counted.outbox())
    assert reply.text("Status") == "ok"
    assert gateway.counts["ChangeMessageVisibilityBatch"] >= 2
    wait_until(counted.is_empty)
    assert "".join(counted.logs()).count("received") == 1


@pytest.mark.parametrize(
    ("client", "action"), [*product((SINGLY, PACKED), BUSY), (PACKED, "ReceiveMessage")]
)
def test_answers_of_a_busy_worker_dropped_one_after_the_other(
    counted: Place, gateway: Gateway, tmp_path: Path, client: str, action: str
) -> None:
    """However many responses are lost, all results are right and come once, as their logs say."""
    counted.worker("--visibility-timeout", "3")
    fault = drop_answer if action != "ReceiveMessage" else cut  # lost messages come back late
    gateway.spoil(action, every_third(fault))

    done = ask(counted, tmp_path, 300, client=client)

    gateway.faults.clear()
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    logs = {key: counted.read(key) for key in {answer["log"] for answer in answers}}
    for answer in answers:
        assert f'"max": {answer["max"]},' in logs[answer["log"]]
