"""Batches are packed within the limits of SQS, and their failures told apart."""

from typing import Any, Dict, List

from hypothesis import given
from hypothesis import strategies as st

from messaging import reply_queue
from messaging.queues import MAX_BATCH, MAX_BYTES, Queue, _packed


@given(st.lists(st.integers(0, MAX_BYTES), max_size=50))
def test_batches_hold_ten_messages_and_a_mebibyte_at_most(sizes: List[int]) -> None:
    """Every position is packed once, in order, within both limits."""
    batches = list(_packed(range(len(sizes)), sizes))

    assert [position for batch in batches for position in batch] == list(range(len(sizes)))
    assert all(0 < len(batch) <= MAX_BATCH for batch in batches)
    assert all(sum(sizes[position] for position in batch) <= MAX_BYTES for batch in batches)


class Sqs:
    """Stands for boto3's client where a server cannot be made to fail in part."""

    def __init__(self) -> None:
        self.sent: List[List[str]] = []

    def send_message_batch(self, **call: Any) -> Dict[str, Any]:
        """Fail `flaky` the first time and `bad` for good."""
        entries = call["Entries"]
        self.sent.append([entry["MessageBody"] for entry in entries])
        failed = [
            {"Id": entry["Id"], "SenderFault": entry["MessageBody"] == "bad", "Code": "Made"}
            for entry in entries
            if entry["MessageBody"] == "bad"
            or (entry["MessageBody"] == "flaky" and len(self.sent) == 1)
        ]
        ids = {failure["Id"] for failure in failed}
        return {
            "Failed": failed,
            "Successful": [{"Id": entry["Id"]} for entry in entries if entry["Id"] not in ids],
        }


def test_failed_entries_are_sent_again_unless_they_are_our_fault() -> None:
    """Only what failed through no fault of ours is repeated; the rest is reported by position."""
    sqs: Any = Sqs()

    def repeat(attempt: Any, doing: str) -> None:
        try:
            attempt()
        except Exception:
            attempt()

    bodies = ["good", "bad", "flaky", "good"]
    failures = Queue(sqs, "http://x/1/q").send([{"MessageBody": body} for body in bodies], repeat)

    assert failures == {1: "Made"}
    assert sqs.sent == [bodies, ["flaky"]]


def test_private_names_are_known_and_others_are_not() -> None:
    """Only what is made of the output queue's name, a time and 16 hex digits may be answered."""
    name = reply_queue.new_name("OutputQueue")

    assert len(reply_queue.new_name("x" * reply_queue.LONGEST_OUTPUT_NAME)) == 80
    assert reply_queue.may_answer(name, "OutputQueue")
    assert reply_queue.may_answer("OutputQueue", "OutputQueue")
    for other in (name + "0", name[:-1], name.upper(), "x" + name, "OutputQueue-dead-letter", ""):
        assert not reply_queue.may_answer(other, "OutputQueue")


@given(st.text(max_size=90))
def test_no_text_breaks_the_check_of_names(text: str) -> None:
    """Whatever ReplyTo says, the answer is yes or no."""
    assert reply_queue.may_answer(text, "O") == (text == "O")
