"""Requests are sent in tens, long ones through S3, and errors reach those who wait."""

from __future__ import annotations

import gc
import logging
import threading
import weakref
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, Callable, Iterator, List

import pytest
from botocore.exceptions import ClientError

from messaging import InvalidMessage, Reply, Request, RequestRejected
from messaging.aws.patience import Patience
from messaging.requester.awaited import Pending
from messaging.requester.outbox import Outbox
from messaging.wire.envelope import INLINE
from tests.conftest import wait_until
from tests.unit.clock import Clock
from tests.unit.memory_aws import Memory, aws_error


class Bench:
    """An Outbox over AWS in memory."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.memory = Memory("in")
        self.uploaded: List[str] = []
        self.check_in: Callable[[Request], Request] = self._upload
        replies: Any = SimpleNamespace(queue=self.memory.queue("reply"), close=lambda: None)
        self.outbox = Outbox(
            self.memory.queue("in"), replies, lambda r: self.check_in(r), Patience()
        )

    def put(self, *requests: Request) -> List[Pending]:
        """Put requests into the outbox."""
        made = [Pending(request) for request in requests]
        for pending in made:
            self.outbox.put(pending)
        return made

    def sent(self, count: int) -> List[str]:
        """Wait until so many requests were sent; return their bodies."""
        self.memory.wait_for(lambda: len(self.memory.queues["in"]) >= count)
        return self.memory.bodies("in")

    def _upload(self, request: Request) -> Request:
        self.uploaded.append(request.body)
        return replace(request, body="remark", payload_key="payloads/x")


@pytest.fixture
def bench(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Bench]:
    """An Outbox whose clock only a test moves, and whose retries are due at once."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("messaging.flow.batcher.due_at", lambda now, *how: now)
    monkeypatch.setattr("messaging.flow.batcher.LINGER", 0.0)
    monkeypatch.setattr("messaging.flow.threads.time.sleep", lambda seconds: None)
    made = Bench(clock)
    yield made
    made.outbox.close()


def told(pending: Pending) -> Reply:
    """Return the error that a request's future gets."""
    return pending.future.result(5)


def test_a_request_is_sent_with_its_reply_queue(bench: Bench) -> None:
    """The message has the reply queue and the correlation id."""
    (pending,) = bench.put(Request("3,1,2", "c"))

    assert bench.sent(1) == ["3,1,2"]
    attributes = bench.memory.queues["in"][0].attributes
    values = {name: value["StringValue"] for name, value in attributes.items()}
    assert values == {"CorrelationId": "c", "ReplyTo": "reply"}
    assert not pending.future.done()


def test_what_sqs_does_not_carry_is_refused_on_the_spot(bench: Bench) -> None:
    """A control character is refused without a request to AWS."""
    (pending,) = bench.put(Request("\x00"))

    assert told(pending).status == "error"
    assert bench.memory.calls == []


@pytest.mark.parametrize("wrong", [{"body": 5}, {"body": "1", "etag": 5}])
def test_what_is_no_text_is_raised_where_its_reply_is_awaited(bench: Bench, wrong: Any) -> None:
    """A request of the wrong types fails its own future."""
    (pending,) = bench.put(Request(**wrong))

    assert isinstance(pending.future.exception(1), (TypeError, AttributeError))
    assert bench.memory.calls == []


@pytest.mark.parametrize(("length", "uploads"), [(INLINE - 100, 0), (INLINE, 1), (INLINE + 1, 1)])
def test_a_long_body_goes_by_the_bucket(bench: Bench, length: int, uploads: int) -> None:
    """A body that leaves no room for its attributes in 256 KiB is put into S3 first."""
    bench.put(Request("1" * length, "c"))

    bench.sent(1)
    assert len(bench.uploaded) == uploads


def test_a_message_of_just_the_size_goes_by_sqs(bench: Bench) -> None:
    """A message of exactly 256 KiB with its attributes does not go through S3."""
    size = len("CorrelationIdStringcReplyToStringreply")
    bench.put(Request("1" * (INLINE - size), "c"))

    bench.sent(1)
    assert bench.uploaded == []


def test_what_s3_refuses_is_told(bench: Bench) -> None:
    """A body too long for the bucket is refused; any other error of S3 is raised."""

    def refuse(request: Request) -> Request:
        raise RequestRejected("too many")

    def deny(request: Request) -> Request:
        raise aws_error("AccessDenied", 403)

    long = Request("1" * (INLINE + 1))
    bench.check_in = refuse
    assert told(*bench.put(long)) == Reply.error("too many")
    bench.check_in = deny
    with pytest.raises(ClientError):
        told(*bench.put(long))


def test_what_nobody_waits_for_is_not_sent(bench: Bench) -> None:
    """A request that was cancelled meanwhile costs no call, long or short."""
    short, long = Pending(Request("1")), Pending(Request("1" * (INLINE + 1)))
    for pending in (short, long):
        pending.future.cancel()
        bench.outbox.put(pending)
    bench.put(Request("2"))

    assert bench.sent(1) == ["2"]
    assert bench.uploaded == []


def test_a_refused_request_is_told_and_costs_the_others_nothing(bench: Bench) -> None:
    """A refused request's future gets the reason; the others are sent."""
    bench.memory.fail(
        "send_message_batch", "InvalidMessageContents", sender=True, within="bad", message="so bad"
    )
    bad, good = bench.put(Request("bad", "first"), Request("good", "second"))

    assert bench.sent(1) == ["good"]
    assert told(bad) == Reply.error("SQS refused the request: so bad (InvalidMessageContents)")
    assert not good.future.done()


def test_what_is_too_long_for_its_queue_goes_by_the_bucket(bench: Bench) -> None:
    """A message too long for a queue with a small limit goes through the bucket."""
    bench.memory.fail("send_message_batch", "InvalidParameterValue", sender=True, within="111")
    bench.put(Request("1" * 2000))

    assert bench.sent(1) == ["remark"]


@pytest.mark.parametrize(
    "request_", [Request("1" * 100), Request("1" * 2000, payload_key="payloads/there")]
)
def test_what_the_bucket_cannot_shorten_is_refused(bench: Bench, request_: Request) -> None:
    """A message that is short, or in the bucket already, is not uploaded when SQS refuses it."""
    bench.memory.fail(
        "send_message_batch", "InvalidParameterValue", sender=True, within="111", message="bytes"
    )

    assert told(*bench.put(request_)).status == "error"
    assert bench.uploaded == []


@pytest.mark.parametrize(("size", "uploads"), [(1024, 0), (1025, 1)])
def test_1024_bytes_every_queue_takes(bench: Bench, size: int, uploads: int) -> None:
    """Only messages of 1,025 bytes or more, with attributes, may go through S3."""
    fault = bench.memory.fail(
        "send_message_batch", "InvalidParameterValue", sender=True, within="111", message="bytes"
    )
    (pending,) = bench.put(
        Request("1" * (size - len("CorrelationIdStringcReplyToStringreply")), "c")
    )

    bench.memory.wait_for(lambda: pending.future.done() or bench.memory.queues["in"])
    assert len(bench.uploaded) == uploads
    assert fault.times == float("inf")


@pytest.mark.parametrize("code", ["AccessDenied", "AWS.SimpleQueueService.NonExistentQueue"])
def test_what_waiting_does_not_mend_is_raised(bench: Bench, code: str) -> None:
    """A missing right or queue is raised at once."""
    bench.memory.fail("send_message_batch", code, 403 if code == "AccessDenied" else 400)
    (pending,) = bench.put(Request("1"))

    with pytest.raises(ClientError):
        told(pending)
    assert len(bench.memory.asked("send_message_batch")) == 1


def test_what_passes_is_sent_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """However long an outage lasts, requests are sent after it, and its end is reported."""
    bench.memory.fail("send_message_batch", "ServiceUnavailable", 503, times=4)

    told: List[bool] = []

    def pass_time(call: Any) -> None:
        bench.clock.time += 100
        told.append("AWS answers again." in caplog.text)

    bench.memory.before = pass_time
    bench.put(Request("1"))

    assert bench.sent(1) == ["1"]
    assert told == [False] * 5
    assert "Cannot send to in" in caplog.text
    wait_until(lambda: "AWS answers again." in caplog.text, 5)


@pytest.mark.parametrize(("last", "given_up"), [(20.0, False), (20.5, True)])
def test_an_error_that_nobody_knows_is_given_up(bench: Bench, last: float, given_up: bool) -> None:
    """An unknown error is retried for 20 s."""
    bench.memory.fail("send_message_batch", "Strange", times=2)

    def pass_time(call: Any) -> None:
        if bench.memory.calls:
            bench.clock.time = 1000 + last

    bench.memory.before = pass_time
    (pending,) = bench.put(Request("1"))

    if given_up:
        with pytest.raises(ClientError):
            told(pending)
    else:
        assert bench.sent(1) == ["1"]


def test_a_request_that_was_sent_is_not_remembered(bench: Bench) -> None:
    """A request that was in trouble is forgotten once it is sent."""
    bench.memory.fail("send_message_batch", "Strange", times=1)
    (pending,) = bench.put(Request("1"))
    bench.sent(1)

    left = weakref.ref(pending)
    del pending
    bench.memory.faults.clear()  # its traceback refers to the request, too
    wait_until(lambda: gc.collect() >= 0 and left() is None, 5)


def test_a_fault_of_ours_is_raised_where_replies_are_awaited(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unexpected exception in the thread reaches the request's future."""
    failing = Pending(Request("1"))

    def stumble(*_: Any) -> Any:
        raise InvalidMessage("made")

    monkeypatch.setattr(type(bench.memory.queue("in")), "send", stumble)
    bench.outbox.put(failing)

    with pytest.raises(InvalidMessage):
        told(failing)


@pytest.mark.parametrize("correlation_id", ["", "order 5", "Auftrag-\u00fc", "5" * 129])
def test_an_id_that_no_worker_answers_is_refused_on_the_spot(
    bench: Bench, correlation_id: str
) -> None:
    """A correlation id that breaks the format is told, instead of waiting for a reply in vain."""
    refused, sent = bench.put(Request("1", correlation_id), Request("2", "5" * 128))

    assert "the correlation id is not 1 to 128 printable" in told(refused).body
    assert bench.sent(1) == ["2"]
    assert not sent.future.done()


def test_what_changed_after_it_was_put_costs_the_others_nothing(bench: Bench) -> None:
    """Of a batch that is tried again, one whose parameters are no JSON any more is refused."""
    changing: Any = {"a": 1}
    fault = bench.memory.fail("send_message_batch", "InternalError", 500)
    changed, other = bench.put(Request("1", parameters=changing), Request("2"))
    bench.memory.wait_for(lambda: len(bench.memory.asked("send_message_batch")) > 2)

    changing["a"] = object()
    assert "the parameters are not JSON" in told(changed).body
    bench.memory.mend(fault)

    assert bench.sent(1) == ["2"]
    assert not other.future.done()


def test_a_closed_outbox_sends_nothing(bench: Bench) -> None:
    """What is put after close is dropped, and so is what waits for its upload."""
    entered, let_go = threading.Event(), threading.Event()

    def block(request: Request) -> Request:
        entered.set()
        let_go.wait(5)
        return request

    bench.check_in = block
    bench.put(Request("1" * (INLINE + 1)))
    assert entered.wait(5)

    bench.outbox.close()
    for _ in range(200):
        bench.put(Request("1"), Request("1" * (INLINE + 1)))
    let_go.set()

    assert bench.memory.calls == []
