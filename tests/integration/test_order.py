"""The order of a job's requests to AWS, and how long its message is hidden."""

from __future__ import annotations

import json
from typing import List, Optional, Tuple

import pytest

from tests.conftest import Place, wait_until
from tests.gateway import Answer, Call, Gateway

STEPS = ("PutObject", "SendMessageBatch", "DeleteMessageBatch")


def test_log_then_reply_then_delete(counted: Place, gateway: Gateway) -> None:
    """Each step starts after AWS has confirmed the one before."""
    counted.worker()
    order: List[Tuple[str, str]] = []

    def record(call: Call) -> Optional[Answer]:
        if call.action not in STEPS:
            return None
        order.append(("begin", call.action))
        answer = call.carry_out(call.body)
        order.append(("end", call.action))
        return answer

    gateway.faults.append(record)
    counted.send("3,1,2")

    wait_until(lambda: ("end", "DeleteMessageBatch") in order)
    assert order == [(when, step) for step in STEPS for when in ("begin", "end")]


@pytest.mark.parametrize("refused", STEPS[:2])
def test_what_is_not_logged_or_not_answered_is_not_deleted(
    counted: Place, gateway: Gateway, refused: str
) -> None:
    """While a step fails, none of the later ones starts."""
    counted.worker()
    gateway.refuse(refused, 503, "ServiceUnavailable")
    counted.send("3,1,2")
    wait_until(lambda: gateway.counts[refused] >= 3)

    assert not any(gateway.counts[step] for step in STEPS[STEPS.index(refused) + 1 :])


def test_a_new_message_is_hidden_for_five_seconds_and_renewed_for_thirty(
    counted: Place, gateway: Gateway
) -> None:
    """A killed worker's messages are back after 5 s; running jobs are hidden for 30 s at a time."""
    said: List[Tuple[str, int]] = []

    def record(call: Call) -> Optional[Answer]:
        if call.action == "ReceiveMessage":
            said.append(("receive", json.loads(call.body)["VisibilityTimeout"]))
        if call.action == "ChangeMessageVisibilityBatch":
            said.extend(("renew", each["VisibilityTimeout"]) for each in call.entries)
        return None

    gateway.faults.append(record)
    counted.worker(module="tests.slow_worker")
    counted.send("sleep 4")

    wait_until(lambda: any(kind == "renew" for kind, _ in said))
    assert {each for each in said if each[0] == "receive"} == {("receive", 5)}
    assert ("renew", 30) in said
