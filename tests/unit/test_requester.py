"""A requester asks through one queue, receives through another, and survives what AWS does."""

from __future__ import annotations

import json
import logging
import os
import threading
from typing import Any, Dict, Iterator, List

import pytest
from botocore.exceptions import ClientError

from messaging import ConfigurationError, MessagingError, Reply, Request, Requester
from messaging.flow import threads
from messaging.requester.outbox import Outbox
from messaging.wire.envelope import INLINE
from messaging.wire.names import made_at
from tests.conftest import wait_until
from tests.unit.memory_aws import GONE, Memory, aws_error

GIVE_UP = 5  # seconds; then the test fails


class Bench:
    """A requester over AWS in memory, and a worker that answers as a test says.

    Attributes:
        answering: whether requests are answered when they are sent
    """

    def __init__(self) -> None:
        self.memory = Memory("in", "in-dead-letter", "out")
        self.connection = self.memory.connection()
        self.requester = Requester(self.connection)

    def ask(self, *bodies: str, timeout: float = GIVE_UP) -> List[Reply]:
        return list(self.requester.ask([Request(body) for body in bodies], timeout))

    def reply_queue(self) -> str:
        """Return the name of the newest reply queue."""
        return [call.about for call in self.memory.asked("create_queue", "out-")][-1]

    def answer(self, requests: int = 1, status: str = "ok") -> None:
        """Wait for requests, and answer them."""
        self.memory.wait_for(lambda: len(self.memory.queues["in"]) >= requests)
        for message in self.memory.queues["in"][:requests]:
            values = {name: each["StringValue"] for name, each in message.attributes.items()}
            self.memory.send(
                values["ReplyTo"],
                f"re {message.body}",
                CorrelationId=values["CorrelationId"],
                Status=status,
            )
        del self.memory.queues["in"][:requests]

    def answering(self, requests: int = 1, times: int = 1) -> None:
        """Answer in a thread."""

        def run() -> None:
            for _ in range(times):
                self.answer(requests)

        threading.Thread(target=run, daemon=True).start()


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Bench]:
    """A requester whose pauses take no time."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("messaging.clock.backoff", lambda *how: 0.001)
    monkeypatch.setattr("messaging.flow.batcher.due_at", lambda now, *how: now)
    monkeypatch.setattr("messaging.requester.asking.LOOK", 0.05)
    made = Bench()
    yield made
    made.requester.close()


def test_nothing_is_asked_of_aws_before_the_first_request(bench: Bench) -> None:
    """A requester that sends nothing makes no request to AWS, not even at its end."""
    bench.requester.close()

    assert bench.memory.calls == []
    assert bench.connection.checks == 0


def test_requests_are_answered_in_order(bench: Bench) -> None:
    """Replies match their requests and are deleted, and at the end the queue is."""
    bench.answering(3)
    replies = bench.ask("a", "b", "c")
    assert [(each.body, each.status) for each in replies] == [
        ("re a", "ok"),
        ("re b", "ok"),
        ("re c", "ok"),
    ]

    name = bench.reply_queue()
    assert made_at(name, "out")
    assert bench.memory.attributes[name]["MessageRetentionPeriod"] == "3600"
    assert bench.connection.checks == 1
    bench.requester.close()
    assert name not in bench.memory.queues


def test_the_queue_is_polled_long_and_hidden_until_it_is_deleted(bench: Bench) -> None:
    """A poll asks for ten messages, for 20 s, hidden for 40 s, and may itself take 28 s."""
    bench.answering()
    bench.ask("a")

    call = bench.memory.asked("receive_message", "out-")[0]
    limits = ("MaxNumberOfMessages", "WaitTimeSeconds", "VisibilityTimeout")
    assert [call.arguments[each] for each in limits] == [10, 20, 40]
    assert ("sqs", 1, 28) in bench.connection.asked_for
    assert ("sqs", 1, 8) in bench.connection.asked_for
    assert {each[1] for each in bench.connection.asked_for} == {1}


def test_nothing_is_polled_while_no_reply_is_awaited(bench: Bench) -> None:
    """An idle session makes no request; the next question polls again."""
    bench.answering()
    bench.ask("a")
    polls = len(bench.memory.asked("receive_message"))
    assert not threading.Event().wait(0.1)
    assert len(bench.memory.asked("receive_message")) <= polls + 1

    bench.answering()
    assert bench.ask("b")[0].body == "re b"
    assert len(bench.memory.asked("create_queue", "out-")) == 1


def test_nothing_is_polled_for_what_was_refused(bench: Bench) -> None:
    """A request that was refused locally costs no poll, neither now nor later in the session."""
    assert not bench.ask("\x00")[0].ok
    polls = len(bench.memory.asked("receive_message"))
    assert not threading.Event().wait(0.1)
    assert len(bench.memory.asked("receive_message")) <= polls + 1


def test_replies_are_deleted_by_tens(bench: Bench) -> None:
    """Ten replies that were read are deleted in one request, before the end."""
    bench.answering(10)
    assert len(bench.ask(*"0123456789")) == 10
    name = bench.reply_queue()

    def deleted() -> int:
        calls = bench.memory.asked("delete_message_batch", name)
        return sum(len(call.arguments["Entries"]) for call in calls)

    bench.answering(10, times=8)
    assert len(bench.ask(*map(str, range(80)))) == 80
    bench.memory.wait_for(deleted)


def test_a_request_of_the_same_id_is_refused(bench: Bench) -> None:
    """A correlation id in flight cannot be used for a second request."""
    first = bench.requester.submit(Request("1", "c"))
    second = bench.requester.submit(Request("2", "c")).result(GIVE_UP)
    assert (second.status, "under way already" in second.body) == ("error", True)

    bench.answer()
    assert first.result(GIVE_UP).body == "re 1"


def test_an_input_queue_is_made_with_its_dead_letter_queue(bench: Bench) -> None:
    """Whichever program comes first makes it, so that poison does not come for ever."""
    for name in ("in", "in-dead-letter"):
        del bench.memory.queues[name]
    pending = bench.requester.submit(Request("a"))
    bench.answer()

    assert pending.result(GIVE_UP).ok
    assert "in-dead-letter" in bench.memory.attributes["in"]["RedrivePolicy"]


def test_an_outage_does_not_hold_up_the_end(bench: Bench) -> None:
    """Polls and sending that fail are not tried again once the end has come."""
    pending = bench.requester.submit(Request("a"))
    bench.memory.wait_for(lambda: bench.memory.asked("receive_message"))
    bench.memory.fail("receive_message", "ServiceUnavailable", 503)
    bench.memory.fail("send_message_batch", "ServiceUnavailable", 503)
    before = len(bench.memory.asked("receive_message"))
    bench.memory.wait_for(lambda: len(bench.memory.asked("receive_message")) > before + 2)

    bench.requester.close()

    with pytest.raises(MessagingError, match="closed"):
        pending.result(GIVE_UP)
    wait_until(lambda: not [t for t in threading.enumerate() if t.name in NAMES], GIVE_UP)


def test_an_end_during_the_beginning_leaves_no_queue(bench: Bench) -> None:
    """Who asks for the first time while another thread ends the requester is told so."""
    making, let_go = bench.memory.hang("create_queue")
    asking = threads.background("asking", lambda: bench.ask("a"))
    assert making.wait(GIVE_UP)
    bench.requester.close()
    let_go.set()

    with pytest.raises(MessagingError, match="closed"):
        asking.result(GIVE_UP)
    bench.memory.wait_for(lambda: bench.reply_queue() not in bench.memory.queues)


def test_what_is_asked_after_the_end_is_told_so(bench: Bench) -> None:
    """A source that brings its next item after `close` is not waited for as if it were sent."""
    closed = threading.Event()

    def items() -> Iterator[Request]:
        yield Request("a")
        closed.wait(GIVE_UP)
        yield Request("b")

    bench.answering()
    replies = bench.requester.ask(items(), GIVE_UP)
    assert next(replies).body == "re a"
    bench.requester.close()
    closed.set()

    with pytest.raises(MessagingError, match="closed"):
        next(replies)


def test_a_request_that_meets_the_end_is_told_so(bench: Bench, monkeypatch: Any) -> None:
    """A future whose request was dropped, since `close` came first, has an error."""
    bench.answering()
    bench.ask("a")
    outbox: Any = bench.requester._open()
    submit = outbox.submit

    def submit_late(request: Request) -> Any:
        bench.requester.close()
        return submit(request)

    monkeypatch.setattr(outbox, "submit", submit_late)

    with pytest.raises(MessagingError, match="closed"):
        bench.requester.submit(Request("b")).result(GIVE_UP)


def test_a_bucket_that_hangs_costs_short_requests_nothing(bench: Bench) -> None:
    """While a long body waits for its bucket, other threads get their answers."""
    looking, let_go = bench.memory.hang("get_bucket_lifecycle_configuration")
    threads.background("long", lambda: bench.requester.submit(Request("1" * INLINE)))
    assert looking.wait(GIVE_UP)
    bench.answering()

    asked = threads.background("short", lambda: bench.ask("a"))

    assert [each.body for each in asked.result(GIVE_UP)] == ["re a"]
    let_go.set()


def test_an_end_at_the_last_moment_of_the_beginning_leaves_no_queue(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A queue that is ready just as `close` found none is deleted all the same."""

    def make(*how: Any) -> Outbox:
        made = Outbox(*how)
        bench.requester.close()
        return made

    monkeypatch.setattr("messaging.requester.requester.Outbox", make)
    with pytest.raises(MessagingError, match="closed"):
        bench.ask("a")

    bench.memory.wait_for(lambda: bench.memory.asked("delete_queue", "out-"))


def test_the_timeout_says_what_to_check(bench: Bench) -> None:
    """If no worker runs, the advice names the time, the queue and the region."""
    with pytest.raises(MessagingError) as raised:
        bench.ask("a", timeout=0.2)

    assert str(raised.value).startswith("no reply in 0.2 s: check that a worker runs")
    assert "reads in in us-east-1" in str(raised.value)


def test_a_long_body_lies_in_the_bucket_under_who_we_are(bench: Bench) -> None:
    """The bucket is checked once, without botocore's own retries, and the key has our user id."""
    bench.answering(2)
    bench.ask("1" * 300_000, "2" * 300_000)

    keys = list(bench.memory.objects)
    assert len(keys) == 2
    assert all(key.startswith("payloads/AIDAUSER/") for key in keys)
    assert len(bench.memory.asked("get_bucket_lifecycle_configuration")) == 1
    assert bench.requester.storage() is bench.requester.storage()
    assert ("s3", 1, 8) in bench.connection.asked_for


def test_a_caller_that_sts_does_not_know_may_put_bodies_too(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without STS the folder is `unknown`, and a line says that only its name guards the queue."""
    monkeypatch.setattr(bench.connection, "user_id", lambda: 1 / 0)
    bench.answering()
    bench.ask("1" * 300_000)

    assert next(iter(bench.memory.objects)).startswith("payloads/unknown/")
    assert "Only its name keeps our reply queue private" in caplog.text
    assert [each["Sid"] for each in policy(bench)] == ["TlsOnly"]


def policy(bench: Bench) -> List[Dict[str, Any]]:
    """Return the statements of the reply queue's policy."""
    statements: List[Dict[str, Any]]
    statements = json.loads(bench.memory.attributes[bench.reply_queue()]["Policy"])["Statement"]
    return statements


def test_a_reply_queue_is_closed_to_plain_http_and_to_other_readers(bench: Bench) -> None:
    """Both are set when the queue is created; anybody who uses HTTPS may send replies to it."""
    bench.answering()
    bench.ask("a")

    tls, private = policy(bench)
    assert (tls["Effect"], tls["Action"]) == ("Deny", "sqs:*")
    assert tls["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
    assert private["Condition"] == {"StringNotEquals": {"aws:userid": "AIDAUSER"}}
    assert "sqs:SendMessage" not in private["Action"]
    assert len(bench.memory.asked("create_queue")) == 1
    assert not bench.memory.asked("set_queue_attributes")


def test_a_queue_of_no_aws_is_made_without_a_policy(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """If a server refuses policies, the reply queue is created without one."""
    bench.memory.fail("create_queue", "InvalidAttributeValue", times=1, about="out-")
    bench.answering()

    assert bench.ask("a")[0].ok
    assert "Only its name keeps our reply queue private" in caplog.text
    assert "Policy" not in bench.memory.attributes[bench.reply_queue()]


def test_who_may_make_no_queue_shares_one(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Without the right to create a reply queue the output queue is shared, and a line says so."""
    bench.memory.fail("create_queue", "AccessDenied", 403, about="out-")
    bench.answering()

    assert bench.ask("a")[0].body == "re a"
    assert "No right to make a reply queue: sharing out." in caplog.text


def test_a_beginning_that_failed_may_be_tried_again(bench: Bench) -> None:
    """After a first request that failed, the next one works, and no queue is left."""
    bench.memory.fail("create_queue", "Strange", times=1, about="out-")
    with pytest.raises(ClientError):
        bench.ask("a")
    bench.memory.fail("get_queue_url", "Strange", times=1, about="in")
    with pytest.raises(ClientError):
        bench.ask("b")

    bench.answering()
    assert bench.ask("c")[0].body == "re c"
    assert [name for name in bench.memory.queues if made_at(name, "out")] == [bench.reply_queue()]


@pytest.mark.parametrize("code", [GONE, "AccessDenied"])
def test_a_reply_queue_that_is_lost_is_replaced(
    bench: Bench, code: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Unanswered requests are resent with the new reply queue."""
    bench.answering()
    bench.ask("a")
    lost = bench.reply_queue()
    bench.memory.fail("receive_message", code, 403 if code == "AccessDenied" else 400, about=lost)

    pending = bench.requester.submit(Request("b"))
    inbox = bench.memory.queues["in"]

    def resent() -> List[Any]:
        return [m for m in inbox if m.attributes["ReplyTo"]["StringValue"] != lost]

    inbox[:] = bench.memory.wait_for(resent)
    bench.answer()

    assert pending.result(GIVE_UP).body == "re b"
    assert bench.reply_queue() != lost
    assert f"The reply queue {lost} cannot be read any more: asking again." in caplog.text
    bench.memory.wait_for(lambda: lost not in bench.memory.queues)


def test_a_reply_queue_that_never_could_be_read_ends_the_wait(bench: Bench) -> None:
    """A missing right to read is raised for every awaited reply, and no new queue is made."""
    bench.memory.fail("receive_message", "AccessDenied", 403)

    with pytest.raises(ConfigurationError, match=r"our own reply queue out-.* cannot be read"):
        bench.requester.submit(Request("a")).result(GIVE_UP)
    assert len(bench.memory.asked("create_queue", "out-")) == 1


def test_a_queue_that_cannot_be_replaced_ends_the_wait(bench: Bench) -> None:
    """The error of creating the new queue is raised for every awaited reply."""
    bench.answering()
    bench.ask("a")
    bench.memory.fail("receive_message", GONE)
    bench.memory.fail("create_queue", "Strange")

    with pytest.raises(ClientError, match="Strange"):
        bench.requester.submit(Request("b")).result(GIVE_UP)
    bench.memory.faults.clear()
    polls = len(bench.memory.asked("receive_message"))
    assert not threading.Event().wait(0.1)
    assert len(bench.memory.asked("receive_message")) <= polls + 1


def test_an_outage_of_the_reply_queue_is_waited_out(bench: Bench) -> None:
    """Polls are retried until they succeed."""
    bench.memory.fail("receive_message", "ServiceUnavailable", 503, times=4)
    bench.answering()

    assert bench.ask("a")[0].body == "re a"


def test_what_is_no_reply_is_told_and_passed_over(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """A message that is no reply is reported, and replies behind it arrive."""
    pending = bench.requester.submit(Request("a"))
    bench.memory.send(bench.reply_queue(), "noise")
    bench.memory.wait_for(lambda: "in our reply queue: no reply" in caplog.text)

    bench.answer()
    assert pending.result(GIVE_UP).body == "re a"


def test_a_queue_that_stays_is_left_to_be_swept(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Closing succeeds even if the reply queue cannot be deleted."""
    bench.answering()
    bench.ask("a")
    bench.memory.fail("delete_queue", "AccessDenied", 403)
    bench.requester.close()

    assert "The reply queue stays until it is swept" in caplog.text


def test_an_end_leaves_no_thread(bench: Bench) -> None:
    """At the end of `with` no sender, uploader or poller is left."""
    before = {each for each in threading.enumerate() if each.name in NAMES}
    with bench.requester:
        bench.answering()
        bench.ask("a")

    wait_until(
        lambda: not [t for t in threading.enumerate() if t.name in NAMES and t not in before], 5
    )


NAMES = {"replies", "send", "upload", "feeder", "open"}


def test_an_end_does_not_wait_for_aws(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Closing waits for a deletion that works, but not long for one that hangs."""
    monkeypatch.setattr("messaging.requester.replies.CLOSING", 0.1)
    bench.answering()
    bench.ask("a")
    _, let_go = bench.memory.hang("delete_queue")

    ending = threading.Thread(target=bench.requester.close, daemon=True)
    ending.start()
    ending.join(GIVE_UP)
    assert not ending.is_alive()
    let_go.set()


def test_a_queue_made_too_late_is_deleted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reply queue that AWS creates after the requester was closed is deleted."""
    monkeypatch.setattr("messaging.requester.replies.CLOSING", 0.05)
    making, let_go = bench.memory.hang("create_queue")
    bench.memory.fail("get_queue_url", "Strange", times=1)
    with pytest.raises(ClientError):
        bench.ask("a")
    assert making.wait(GIVE_UP)
    bench.requester.close()
    let_go.set()

    bench.memory.wait_for(lambda: bench.memory.asked("delete_queue", "out-"))


def test_a_child_process_may_not_use_it(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A child process may not ask, and its end leaves its parent's queue alone."""
    bench.answering()
    bench.ask("a")
    own = os.getpid()
    monkeypatch.setattr("os.getpid", lambda: own + 1)

    with pytest.raises(MessagingError, match="make another one"):
        bench.ask("b")
    bench.requester.close()
    assert bench.memory.asked("delete_queue") == []
    monkeypatch.undo()


def test_calls_are_made_patiently(bench: Bench) -> None:
    """Calls that a program makes itself are retried until they succeed."""
    errors = [aws_error("SlowDown", 503)] * 2

    def call() -> int:
        if errors:
            raise errors.pop()
        return 7

    assert bench.requester.patiently(call, "put an object") == 7
