"""Batches are packed within SQS's limits, and failures are told apart."""

from typing import Any, Dict, List

from botocore.exceptions import EndpointConnectionError
from hypothesis import given
from hypothesis import strategies as st

from messaging.aws.advice import explain
from messaging.aws.queue_calls import MAX_BATCH, MAX_BYTES, Queue, _packed
from messaging.aws.trouble import is_refusal
from messaging.wire import names


@given(st.lists(st.integers(0, MAX_BYTES), max_size=50))
def test_batches_hold_ten_messages_and_a_mebibyte_at_most(sizes: List[int]) -> None:
    """Every message is packed once, in order, within both limits."""
    batches = list(_packed(range(len(sizes)), sizes))

    assert [position for batch in batches for position in batch] == list(range(len(sizes)))
    assert all(0 < len(batch) <= MAX_BATCH for batch in batches)
    assert all(sum(sizes[position] for position in batch) <= MAX_BYTES for batch in batches)


class Sqs:
    """A stand-in for boto3's client, since a server cannot be made to fail in part."""

    def __init__(self) -> None:
        self.calls: List[List[str]] = []

    def send_message_batch(self, **call: Any) -> Dict[str, Any]:
        """Raise if a message says so, fail `flaky` and `bad`, and leave out `unsaid`."""
        bodies = {entry["Id"]: entry["MessageBody"] for entry in call["Entries"]}
        self.calls.append(list(bodies.values()))
        if "raise" in bodies.values():
            raise EndpointConnectionError(endpoint_url="http://x")
        failed = [
            {"Id": position, "SenderFault": body == "bad", "Code": "Made"}
            for position, body in bodies.items()
            if body in ("flaky", "bad")
        ]
        said = [{"Id": position} for position, body in bodies.items() if body == "good"]
        return {"Failed": failed, "Successful": said}


def test_what_failed_is_told_by_position_with_whether_it_would_always_fail() -> None:
    """A batch call raises nothing; it returns for each failed message why, and whether for good."""
    sqs: Any = Sqs()
    bodies = ["good", "bad", "flaky", "unsaid", *["good"] * 6, "raise", "good"]

    failures = Queue(sqs, "http://x/1/q").send([{"MessageBody": body} for body in bodies])

    assert sqs.calls == [bodies[:10], bodies[10:]]
    assert {at: is_refusal(error) for at, error in failures.items()} == {
        1: True,
        2: False,
        3: False,
        10: False,
        11: False,
    }
    assert explain(failures[2]) == "AWS failed (Made)"


def test_what_no_queue_takes_is_refused_without_asking() -> None:
    """A message over 1 MiB is told as too long, since AWS may just cut off what is far longer."""
    sqs: Any = Sqs()
    bodies = ["good", "x" * (MAX_BYTES + 1), "good"]

    failures = Queue(sqs, "http://x/1/q").send([{"MessageBody": body} for body in bodies])

    assert sqs.calls == [["good"], ["good"]]
    assert {at: is_refusal(error) for at, error in failures.items()} == {1: True}
    assert "1,048,577 bytes, of which SQS carries 1,048,576" in explain(failures[1])


def test_private_names_are_known_and_others_are_not() -> None:
    """Only the output queue's name with a time and 16 hex digits is a reply queue's."""
    name = names.new_name("OutputQueue")

    assert len(names.new_name("x" * names.LONGEST_OUTPUT_NAME)) == 80
    assert names.may_answer(name, "OutputQueue")
    assert names.may_answer("OutputQueue", "OutputQueue")
    for other in (name + "0", name[:-1], name.upper(), "x" + name, "OutputQueue-dead-letter", ""):
        assert not names.may_answer(other, "OutputQueue")


@given(st.text(max_size=90))
def test_no_text_breaks_the_check_of_names(text: str) -> None:
    """Any ReplyTo is either accepted or refused."""
    assert names.may_answer(text, "O") == (text == "O")
