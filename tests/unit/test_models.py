"""The check of requests notices what botocore's own validation would."""

import json
from typing import Any

import pytest

from tests.models import complaints

QUEUE = {"QueueUrl": "http://x/1/q"}


def test_a_request_as_the_model_has_it_is_fine() -> None:
    """Names and types that AWS documents give no complaint."""
    asked = {**QUEUE, "MaxNumberOfMessages": 10, "MessageAttributeNames": ["All"]}

    assert complaints("ReceiveMessage", json.dumps(asked).encode()) == []


@pytest.mark.parametrize(
    ("action", "asked"),
    [
        ("ReceiveMessage", {"MaxNumberOfMessages": 10}),
        ("ReceiveMessage", {**QUEUE, "MaxNumberOfMessages": "10"}),
        ("ReceiveMessage", {**QUEUE, "Max": 10}),
        ("SendMessageBatch", {**QUEUE, "Entries": [{"Id": "0"}]}),
    ],
)
def test_what_breaks_the_model_of_sqs_is_noticed(action: str, asked: Any) -> None:
    """What is missing, of another type, or unknown is named with its action."""
    (complaint,) = complaints(action, json.dumps(asked).encode())

    assert complaint.startswith(f"{action}: ")
