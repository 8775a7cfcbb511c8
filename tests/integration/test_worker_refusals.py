"""The worker refuses what it cannot answer, and says why."""

import json
from typing import Dict, Sequence, Tuple

import pytest

from scripts.local_aws import LocalAws
from tests.conftest import UNLIKE_AWS, Place, take, wait_until

SLOW = "tests.slow_worker"


def bad_addresses(place: Place) -> Dict[str, str]:
    """Return addresses that no client of ours would give."""
    name = place.settings.output_queue
    return {
        "input queue": place.settings.input_queue,
        "dead-letter queue": f"{place.settings.input_queue}-dead-letter",
        "other account": f"https://sqs.us-east-1.amazonaws.com/210987654321/{name}",
        "other path": f"../{name}",
        "long": name + "x" * 200,
        "almost private": f"{name}-20260101T0000-0123456789abcde",
        "no date": f"{name}-20261301T0000-0123456789abcdef",
        "newline": f"{name}\n",
    }


def test_addresses_that_are_none_of_ours_are_refused(place: Place) -> None:
    """A request with a foreign ReplyTo is logged and deleted, and the worker goes on."""
    place.worker()
    refused = []
    for address in bad_addresses(place).values():
        refused.append(place.send("1", ReplyTo=address))
        place.send("2")
        (reply,) = take(place.outbox())
        assert json.loads(reply.body)["min"] == 2

    wait_until(lambda: place.is_empty())
    entries = "".join(place.logs()).split("\n\n")  # one more where AWS delivered twice
    told = [entry for entry in entries if "refused   ReplyTo is neither" in entry]
    assert all(any(f"message {each} " in entry for entry in told) for each in refused)


def test_an_empty_address_is_refused(place: Place, aws: LocalAws) -> None:
    """A ReplyTo that is there and empty does not stand for the output queue."""
    if (aws.kind, "empty attribute") in UNLIKE_AWS:
        pytest.skip(UNLIKE_AWS[aws.kind, "empty attribute"])
    place.worker()

    place.send("1", ReplyTo="")

    (log,) = wait_until(place.logs)
    assert "refused   ReplyTo is neither" in log


def test_a_refused_request_is_answered_and_deleted(place: Place) -> None:
    """The sender gets one sentence with the reason, and nothing stays in the queue."""
    place.worker()

    message_id = place.send("1,a,3")

    (reply,) = take(place.outbox())
    assert reply.text("Status") == "error"
    assert reply.text("CorrelationId") == message_id
    assert reply.body == "item 2, 'a', is not an integer"
    wait_until(lambda: place.is_empty())


BROKEN: Sequence[Tuple[Dict[str, str], str]] = (
    ({"PayloadKey": "logs/x"}, "PayloadKey does not start with payloads/"),
    ({"PayloadKey": "payloads/none"}, "there is no object 'payloads/none'"),
    ({"Parameters": "[1"}, "Parameters is not JSON"),
    ({"Parameters": "[" * 100_000}, "Parameters is not JSON"),
    ({"Parameters": "NaN"}, "Parameters is not JSON"),
    ({"Parameters": "7"}, "Parameters is not a JSON object"),
    ({"CorrelationId": "a b"}, "CorrelationId is not 1 to 128 printable characters"),
    ({"ETag": "x" * 129}, "ETag is not 1 to 128 printable characters"),
)


def test_broken_attributes_are_refused(place: Place) -> None:
    """An attribute that breaks the wire format is named in the refusal."""
    place.worker()

    for attributes, reason in BROKEN:
        place.send("1", **attributes)
        (reply,) = take(place.outbox())
        assert reply.text("Status") == "error"
        assert reason in reply.body


def test_an_attribute_that_is_no_string_is_refused(place: Place) -> None:
    """A binary attribute in place of a String is named in the refusal."""
    place.worker()
    binary = {"DataType": "Binary", "BinaryValue": b"\xff"}

    place.sqs.send_message(
        QueueUrl=place.inbox().url, MessageBody="1", MessageAttributes={"Parameters": binary}
    )

    (reply,) = take(place.outbox())
    assert reply.body == "the attribute Parameters is not of type String"
