"""In a shared queue our own replies are found, and others' are released."""

from __future__ import annotations

import logging
import threading
from typing import Iterator, List

import pytest

from messaging import Reply, Request
from messaging.aws.patience import Patience
from messaging.requester.awaited import Awaited, Pending
from messaging.requester.replies import Replies
from tests.conftest import wait_until
from tests.unit.clock import Clock
from tests.unit.memory_aws import Call, Memory

GIVE_UP = 5  # seconds; then the test fails


class Bench:
    """A shared reply queue in memory, into which a test puts replies."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.memory = Memory("out")
        self.awaited = Awaited()
        self.patience = Patience()
        self.connection = self.memory.connection()
        self.replies = Replies(
            self.connection, self.awaited, self.patience, lambda pending: None, "out"
        )

    def expect(self, correlation_id: str) -> Pending:
        pending = self.awaited.expect(Request("body", correlation_id))
        self.replies.intake.wake()
        return pending

    def reply(self, correlation_id: str) -> None:
        self.memory.send("out", "re " + correlation_id, CorrelationId=correlation_id, Status="ok")

    def polls(self) -> List[Call]:
        return self.memory.asked("receive_message")

    def look_twice(self) -> None:
        """Block until the messages of a poll are dealt with: the next but one has started."""
        before = len(self.polls())
        self.memory.wait_for(lambda: len(self.polls()) >= before + 2)


@pytest.fixture
def bench(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Bench]:
    """A shared queue whose clock only a test moves, and whose pauses take no time."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("messaging.clock.backoff", lambda *how: 0.0)
    made = Bench(clock)
    yield made
    made.patience.end()
    made.replies.close()


def told(pending: Pending) -> Reply:
    return pending.future.result(GIVE_UP)


def test_our_own_reply_is_given_and_deleted(bench: Bench) -> None:
    """Our reply is delivered and deleted, and others stay in the queue."""
    bench.reply("theirs")
    bench.reply("ours")

    assert told(bench.expect("ours")).body == "re ours"
    bench.memory.wait_for(lambda: bench.memory.bodies("out") == ["re theirs"])
    assert bench.replies.queue.name == "out"


def test_polls_are_short_and_keep_others_from_little(bench: Bench) -> None:
    """A poll asks for ten messages, for 1 s, hidden for 5 s, in one attempt of 9 s."""
    bench.expect("c")
    bench.memory.wait_for(bench.polls)

    arguments = bench.polls()[0].arguments
    names = ("MaxNumberOfMessages", "WaitTimeSeconds", "VisibilityTimeout")
    assert [arguments[each] for each in names] == [10, 1, 5]
    assert bench.connection.asked_for == [("sqs", 1, 9)]


def test_nothing_is_polled_while_nothing_is_awaited(bench: Bench) -> None:
    """An idle session does not hide others' replies."""
    assert not threading.Event().wait(0.1)
    assert bench.polls() == []

    pending = bench.expect("c")
    bench.reply("c")
    told(pending)
    polls = len(bench.polls())
    assert not threading.Event().wait(0.1)
    assert len(bench.polls()) <= polls + 1


def test_a_stranger_is_given_back_at_once_and_only_once(bench: Bench) -> None:
    """A stranger's reply seen again stays hidden for a while, so that polls get past it."""
    bench.reply("theirs")
    bench.expect("ours")
    (message,) = bench.memory.queues["out"]
    bench.memory.wait_for(lambda: len(message.handles) == 2)
    bench.look_twice()

    hidings = bench.memory.asked("change_message_visibility_batch")
    assert [len(call.arguments["Entries"]) for call in hidings] == [1]
    assert hidings[0].arguments["Entries"][0]["VisibilityTimeout"] == 0
    assert message.hidden_until == bench.clock.time + 5
    assert len(message.handles) == 2


def test_a_reply_without_attributes_is_that_to_the_only_request(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """With one request in flight, a reply without attributes is its own."""
    pending = bench.expect("only")
    bench.memory.send("out", "bare")

    assert told(pending) == Reply("bare", "only")
    assert "A reply without attributes: taken for that to our only request." in caplog.text


def test_a_reply_without_attributes_is_nobodys_where_two_wait(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """With two requests in flight, a reply without attributes stays in the queue."""
    first, second = bench.awaited.expect(Request("1")), bench.expect("c")
    bench.memory.send("out", "bare")
    (message,) = bench.memory.queues["out"]
    bench.memory.wait_for(lambda: len(message.handles) == 2)

    assert not first.future.done()
    assert not second.future.done()
    assert "in our reply queue: no reply: CorrelationId or Status is missing" in caplog.text


def test_a_message_with_attributes_is_never_guessed(bench: Bench) -> None:
    """A reply that breaks the format is not taken for the only request's."""
    pending = bench.expect("c")
    bench.memory.send("out", "strange", Colour="red")
    (message,) = bench.memory.queues["out"]
    bench.memory.wait_for(lambda: len(message.handles) == 2)

    assert not pending.future.done()
    assert bench.memory.bodies("out") == ["strange"]


def test_an_outage_is_waited_out(bench: Bench) -> None:
    """A poll that fails is retried."""
    bench.memory.fail("receive_message", "ServiceUnavailable", 503, times=3)
    pending = bench.expect("c")
    bench.reply("c")

    assert told(pending).body == "re c"


def test_an_end_does_not_wait_for_the_poll_under_way(bench: Bench) -> None:
    """The last poll's messages are released at once if they are new, else visible after 5 s."""
    begun, let_go = bench.memory.hang("receive_message")
    bench.expect("ours")
    bench.reply("theirs")
    assert begun.wait(GIVE_UP)

    bench.replies.close()
    let_go.set()
    bench.memory.wait_for(lambda: bench.memory.asked("change_message_visibility_batch"))

    (message,) = bench.memory.queues["out"]
    assert message.hidden_until == bench.clock.time
    assert bench.memory.asked("delete_queue") == []
    wait_until(lambda: not running(), GIVE_UP)


def test_an_outage_does_not_hold_up_the_end(bench: Bench) -> None:
    """After close a failed poll is not retried."""
    bench.memory.fail("receive_message", "ServiceUnavailable", 503)
    bench.expect("c")
    bench.memory.wait_for(bench.polls)

    bench.patience.end()
    bench.replies.close()

    wait_until(lambda: not running(), GIVE_UP)


def running() -> List[threading.Thread]:
    return [each for each in threading.enumerate() if each.name == "replies"]
