"""Requests and replies survive the wire, and nothing else is taken for one."""

import contextlib
from typing import Any, Dict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from messaging import InvalidMessage, Reply, Request, Settings
from messaging.wire.delivery import Delivery
from messaging.wire.envelope import size_of
from messaging.wire.names import reply_queue
from tests.unit import clock

legal = st.text(
    st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff")
)
labels = st.from_regex(r"[\x21-\x7e]{1,128}", fullmatch=True)
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner),
    max_leaves=5,
)


def deliver(message: Dict[str, Any]) -> Delivery:
    """Return a message as a receiver would get it."""
    return clock.message(message["MessageBody"], message["MessageAttributes"])


@given(legal, labels, st.dictionaries(st.text(), json_values), st.none() | labels)
def test_a_request_survives_the_wire(
    body: str, correlation_id: str, parameters: Dict[str, Any], etag: Any
) -> None:
    """A request is read as it was written."""
    request = Request(body, correlation_id, "queue", "payloads/x", parameters, etag)

    assert Request.from_delivery(deliver(request.to_message())) == request


@given(legal, labels, st.sampled_from(["ok", "error"]), st.none() | labels)
def test_a_reply_survives_the_wire(body: str, name: str, status: str, etag: Any) -> None:
    """A reply is read as it was written, errors up to their length limit."""
    reply = Reply(body[:1000], name, status, "logs/x", etag)

    assert Reply.from_delivery(deliver(reply.to_message())) == reply


@given(st.text())
def test_a_reply_replaces_what_sqs_does_not_carry(body: str) -> None:
    """Characters that SQS does not carry are replaced in a reply."""
    sent = Reply(body, "x").to_message()["MessageBody"]

    assert len(sent) == len(body)
    assert Reply(sent, "x").to_message()["MessageBody"] == sent


def test_a_bare_body_is_a_request() -> None:
    """Without attributes the message id is the correlation id."""
    request = Request.from_delivery(deliver({"MessageBody": "3,1,2", "MessageAttributes": {}}))

    assert request == Request("3,1,2", "id")


@given(
    st.dictionaries(
        st.sampled_from(["CorrelationId", "ReplyTo", "PayloadKey", "Parameters", "ETag"]),
        st.fixed_dictionaries(
            {"DataType": st.sampled_from(["String", "Number", "Binary", "String.x"])},
            optional={"StringValue": st.text(), "BinaryValue": st.binary()},
        ),
    )
)
def test_any_attributes_are_read_or_refused(attributes: Dict[str, Any]) -> None:
    """Any message is a request or raises InvalidMessage, and no other error."""
    delivery = deliver({"MessageBody": "", "MessageAttributes": attributes})

    with contextlib.suppress(InvalidMessage):
        assert Request.from_delivery(delivery).correlation_id


@pytest.mark.parametrize("value", [{1, 2}, object(), float("nan"), 1 + 2j])
def test_parameters_that_are_no_json_are_refused(value: Any) -> None:
    """Parameters that are not JSON are refused in a sentence."""
    with pytest.raises(InvalidMessage, match="not JSON"):
        Request("1", parameters={"x": value}).to_message()


def test_a_reply_is_never_taken_for_a_request() -> None:
    """A message with a Status has no reply queue, so that two workers never answer each other."""
    with pytest.raises(InvalidMessage, match="is a reply"):
        reply_queue(deliver(Reply("1", "x").to_message()), Settings("in", "out"))


def test_the_size_counts_names_types_and_values() -> None:
    """The size is SQS's: UTF-8 bytes of the body and of attribute names, types and values."""
    message = {
        "MessageBody": "é",
        "MessageAttributes": {"Name": {"DataType": "String", "StringValue": "é"}},
    }

    assert size_of(message) == 2 + 4 + 6 + 2
