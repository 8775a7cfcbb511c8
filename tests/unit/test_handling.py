"""A message becomes a job with an outcome, whatever it holds and whatever the handler does."""

from __future__ import annotations

import logging
from dataclasses import FrozenInstanceError
from typing import Any, Callable, Dict, List, NamedTuple, Optional

import pytest
from botocore.exceptions import ClientError

from messaging import ConfigurationError, Request, RequestRejected
from messaging.aws.patience import Patience
from messaging.wire.delivery import Delivery
from messaging.worker.handling import Handling
from messaging.worker.job import Job, Result, outcome
from messaging.worker.leases import Leases
from messaging.worker.options import WorkerOptions
from tests.unit.clock import Clock, delivery, message
from tests.unit.memory_aws import SETTINGS, Memory, aws_error

PRIVATE = "out-20260101T0000-0123456789abcdef"


class Bench(NamedTuple):
    """A Handling over AWS in memory."""

    memory: Memory
    clock: Clock
    leases: Leases
    patience: Patience

    def handle(
        self,
        given: Delivery,
        handler: Optional[Callable[[Request], Any]] = None,
        max_receive_count: int = 5,
    ) -> List[Job]:
        """Handle a message, by default with a handler that returns the body."""

        def work(request: Request, storage: Any) -> Result:
            return handler(request) if handler else Result(request.body)

        options = WorkerOptions(max_receive_count=max_receive_count)
        storage = self.memory.storage()
        made = Handling(work, storage, self.leases, self.patience, SETTINGS, options)
        return made.handle(given)

    def job(self, *how: Any, **more: Any) -> Job:
        """Handle a message that becomes a job."""
        (job,) = self.handle(*how, **more)
        return job


@pytest.fixture
def bench(clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Bench:
    """A Handling whose clock only a test moves, and whose pauses take no time."""
    caplog.set_level(logging.DEBUG)
    memory, patience = Memory("in", "out"), Patience()
    monkeypatch.setattr("messaging.clock.backoff", lambda *how: 0.0)
    return Bench(memory, clock, Leases(memory.queue("in"), 30, patience), patience)


def attributes(**values: str) -> Dict[str, Any]:
    """Return String attributes as they are on the wire."""
    return {name: {"DataType": "String", "StringValue": text} for name, text in values.items()}


def received(times: int) -> Delivery:
    """Return a message that was received so often."""
    return Delivery("id", "handle", times, "somebody", "3,1,2", {}, 1000.0)


def test_a_request_becomes_a_result(bench: Bench) -> None:
    """The reply goes to the output queue under the message's id, and the body is not kept."""
    job = bench.job(message("3,1,2"))

    assert (job.result, job.status, job.retry_in) == (Result("3,1,2"), "ok", None)
    assert (job.reply_to, job.correlation_id, job.answered) == ("out", "id", False)
    assert job.delivery.body == ""


def test_a_job_tells_how_long_it_took(bench: Bench) -> None:
    """A job's seconds are those of its handling."""

    def slow(request: Request) -> Result:
        bench.clock.time += 2.5
        return Result("")

    job = bench.job(delivery(), slow)
    assert job.seconds == 2.5
    assert "handled   in 2500.000 ms by me\n" in job.log_entry("me")


@pytest.mark.parametrize("reply_to", ["out", PRIVATE])
def test_the_sender_says_where_and_by_which_id(bench: Bench, reply_to: str) -> None:
    """A request may name the output queue, or a reply queue derived from its name."""
    job = bench.job(message("1", attributes(ReplyTo=reply_to, CorrelationId="c")))

    assert (job.reply_to, job.correlation_id, job.status) == (reply_to, "c", "ok")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"ReplyTo": "stranger"}, "ReplyTo is neither out nor made of it"),
        ({"ReplyTo": ""}, "ReplyTo is neither out nor made of it"),
        ({"ReplyTo": "in"}, "ReplyTo is neither out nor made of it"),
        ({"Status": "ok"}, "this message is a reply (it has a Status), and no request"),
    ],
)
def test_no_stranger_is_answered(bench: Bench, given: Dict[str, str], said: str) -> None:
    """A request with a foreign ReplyTo, or a reply, is refused unanswered and unhandled."""
    job = bench.job(message("1", attributes(**given)), lambda request: 1 / 0)

    assert (job.reply_to, job.status, job.result.body) == (None, "error", said)
    assert job.retry_in is None


def test_the_input_queue_is_never_answered(bench: Bench) -> None:
    """An input queue with the name of a reply queue is not answered."""
    settings = type(SETTINGS)(PRIVATE, "out")
    handling = Handling(
        lambda request, storage: Result("done"),
        bench.memory.storage(),
        bench.leases,
        bench.patience,
        settings,
        WorkerOptions(),
    )
    (job,) = handling.handle(message("1", attributes(ReplyTo=PRIVATE)))

    assert (job.reply_to, job.status) == (None, "error")


def test_a_broken_id_is_told_to_who_asked(bench: Bench) -> None:
    """A request whose correlation id breaks the format is refused in its reply queue."""
    job = bench.job(message("1", attributes(CorrelationId="two words", ReplyTo=PRIVATE)))

    assert (job.reply_to, job.correlation_id, job.status) == (PRIVATE, "id", "error")
    assert "CorrelationId" in job.result.body


def test_a_refusal_without_words_gets_some(bench: Bench) -> None:
    """SQS carries no empty body, so the client is told that there is no reason."""

    def refuse(request: Request) -> Result:
        raise RequestRejected

    assert bench.job(delivery(), refuse).result.body == "refused without a reason"


def test_a_refusal_is_told_in_its_own_words(bench: Bench) -> None:
    """The handler's refusal is the reply, and nothing is retried."""

    def refuse(request: Request) -> Result:
        raise RequestRejected("item 1 is no integer")

    job = bench.job(delivery(), refuse)

    assert (job.status, job.result.body, job.retry_in) == ("error", "item 1 is no integer", None)
    assert job.reply_to == "out"


@pytest.mark.parametrize(
    ("times", "pause"),
    [(1, 30), (2, 60), (3, 120), (4, 240), (5, 480), (6, 900), (7, 900), (99, 900)],
)
def test_a_failure_is_tried_again_after_a_pause_that_doubles(
    bench: Bench, times: int, pause: int, caplog: pytest.LogCaptureFixture
) -> None:
    """If no receive is the last, a failed request is hidden for longer each time, up to 900 s."""
    job = bench.job(received(times), lambda request: 1 / 0, max_receive_count=0)

    assert (job.status, job.reply_to, job.retry_in) == ("error", None, pause)
    said = f"Message id failed: ZeroDivisionError('division by zero'); it is tried again in {pause}"
    assert said in caplog.text
    assert f"retry     in {pause} s\n" in job.log_entry("me")
    assert "\nfailed    the worker failed" in job.log_entry("me")


def test_the_longest_pauses_of_short_timeouts_end(bench: Bench) -> None:
    """A backoff of a second doubles ten times at most."""
    options = WorkerOptions(visibility_timeout=1)
    storage = bench.memory.storage()

    def fail(request: Request, storage: Any) -> Result:
        raise SystemExit

    made = Handling(fail, storage, bench.leases, bench.patience, SETTINGS, options)
    pauses = [job.retry_in for times in (9, 10, 99) for job in made.handle(received(times))]

    assert pauses == [256, 512, 900]


@pytest.mark.parametrize(("most", "times"), [(5, 5), (1, 1)])
def test_the_last_failure_is_told(
    bench: Bench, most: int, times: int, caplog: pytest.LogCaptureFixture
) -> None:
    """The sender is told how often it failed, and the request becomes visible at once."""
    job = bench.job(received(times), lambda request: 1 / 0, max_receive_count=most)

    assert (job.reply_to, job.retry_in) == ("out", 0)
    assert job.result.body == (
        f"the worker failed {times} times, the last time with ZeroDivisionError('division by zero')"
    )
    assert "it goes to the dead-letter queue." in caplog.text


def test_a_dead_letter_queue_that_takes_nothing_is_no_reason_to_spin(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """What SQS delivers once more than it should, since that queue is gone, waits as before."""
    job = bench.job(received(6), lambda request: 1 / 0, max_receive_count=5)

    assert (job.reply_to, job.retry_in) == (None, 900)
    assert "it is tried again in 900 s." in caplog.text


class Unspeakable(Exception):
    """Cannot be written."""

    def __repr__(self) -> str:
        raise RuntimeError("made")


@pytest.mark.parametrize("error", [Unspeakable(), ValueError("x" * 1_000_000)])
def test_an_error_that_is_hard_to_write_is_a_failure_like_any_other(
    bench: Bench, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """One without a repr() or with a huge one is told in short, after the last failure."""

    def fail(request: Request) -> Result:
        raise error

    job = bench.job(received(5), fail)

    assert (job.reply_to, job.retry_in) == ("out", 0)
    assert type(error).__name__ in job.result.body
    assert max(len(each.getMessage()) for each in caplog.records) < 1000


def test_a_refusal_is_logged_as_it_is_sent(bench: Bench) -> None:
    """A long refusal is cut before it fills the log object that it shares with others."""

    def refuse(request: Request) -> Result:
        raise RequestRejected("x" * 1_000_000)

    assert len(bench.job(delivery(), refuse).log_entry("me")) < 2000


def test_an_error_of_aws_without_a_status_is_explained(bench: Bench) -> None:
    """One that came within a stream, or that a handler made, is told in its own words too."""

    def fail(request: Request) -> Result:
        raise ClientError({"Error": {"Code": "Odd", "Message": "in mid-stream"}}, "Select")

    assert "in mid-stream" in bench.job(received(1), fail).result.body


def test_each_attempt_gets_the_request_as_it_was_sent(bench: Bench) -> None:
    """What a handler does to the parameters before an outage is not seen by the next attempt."""
    (held,) = bench.leases.hold([message("1", attributes(Parameters='{"a": 1}'))])
    errors = [aws_error("SlowDown", 503)]

    def work(request: Request) -> Result:
        values: Any = request.parameters
        value = str(values.pop("a", "lost"))
        if errors:
            raise errors.pop()
        return Result(value)

    bench.clock.time = 0.0
    assert bench.job(held, work).result.body == "1"


def test_a_failure_is_logged_with_its_traceback(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """The traceback is logged at debug level."""
    bench.job(received(1), lambda request: 1 / 0)

    (record,) = [each for each in caplog.records if each.exc_info]
    assert record.levelno == logging.DEBUG


def test_an_error_of_aws_is_explained(bench: Bench) -> None:
    """A refusal by AWS is a failure in AWS's words."""

    def denied(request: Request) -> Result:
        raise aws_error("AccessDenied", 403, "you may not")

    job = bench.job(received(1), denied)

    assert job.retry_in == 30
    assert "you may not" in job.result.body


@pytest.mark.parametrize(
    "work",
    [
        lambda made: None,
        lambda made: "a text",
        lambda made: made(5),
        lambda made: made("fine", notes=("a", 5)),
        lambda made: made("fine", notes=None),
        lambda made: made("fine", etag=5),
        lambda made: made("fine", etag="\ud800"),
    ],
)
def test_a_handler_that_returns_no_text_has_failed(
    bench: Bench, work: Callable[[Any], Any]
) -> None:
    """What cannot be sent is a failure of this handler, not of whatever is settled with it."""
    job = bench.job(received(1), lambda request: work(Result))

    assert (job.status, job.retry_in) == ("error", 30)
    assert "TypeError" in job.result.body
    assert job.log_entry("me")


def test_an_outage_is_waited_out_while_the_request_is_ours(bench: Bench) -> None:
    """An outage is waited out as long as the lease lasts; then the request is dropped."""
    (held,) = bench.leases.hold([delivery()])
    errors = [aws_error("SlowDown", 503)] * 2

    def work(request: Request) -> Result:
        if errors:
            raise errors.pop()
        return Result("done")

    assert bench.job(held, work).result.body == "done"

    def away(request: Request) -> Result:
        bench.clock.time += 3
        raise aws_error("SlowDown", 503)

    assert bench.handle(held, away) == []


def test_a_claim_check_is_fetched(bench: Bench) -> None:
    """The handler gets the body from the bucket; if it is missing, the sender is told."""
    bench.memory.objects["payloads/x"] = b"long"
    given = message("remark", attributes(PayloadKey="payloads/x"))
    assert bench.job(given).result.body == "long"

    del bench.memory.objects["payloads/x"]
    assert bench.job(given).status == "error"


def test_an_outcome_counts_answers_and_cites_the_first_refusal(bench: Bench) -> None:
    """Only accepted replies count as answers, and a refusal is quoted in 200 characters."""
    job = Job(delivery(), "c", "out", Result("done"), log_key="logs/1", answered=True)
    refusals = [Job(**{**vars(job), "status": "error", "result": Result(x * 300)}) for x in "ab"]
    lost = Job(**{**vars(job), "answered": False, "log_key": "logs/2"})

    forged = Job(**{**vars(job), "status": "error", "result": Result("no\nforged")})
    assert "refused (no forged); log" in outcome([forged])
    assert outcome([job, lost]) == "1 of 2 requests answered; log: logs/1, logs/2"
    assert outcome([job, *refusals]) == (
        f"3 of 3 requests answered, 2 of them refused ({'a' * 200}); log: logs/1"
    )


def test_a_log_entry_tells_result_line_by_line() -> None:
    """A log entry numbers its lines from 1, labels notes and refusals, and cannot be forged."""
    job = Job(delivery(), "c", "out", Result("a\nb", notes=("seen\nforged",)))
    assert job.log_entry("me").endswith(
        "handled   in 0.000 ms by me\nnote      seen forged\nresult 1    a\nresult 2    b\n\n"
    )
    assert job.refused("no").log_entry("me").endswith("\nrefused   no\n\n")
    assert "\nresult    a\n" in Job(delivery(), "c", None, Result("a")).log_entry("me")
    assert "retry" not in job.log_entry("me")


def test_options_have_the_values_that_the_help_tells() -> None:
    """By default four requests run at a time, ten come per poll, and each is hidden for 30 s."""
    assert WorkerOptions() == WorkerOptions(4, 10, 30, 0, False)


@pytest.mark.parametrize(
    "wrong", [{"concurrency": 0}, {"batch": 0}, {"batch": 11}, {"visibility_timeout": 0}]
)
def test_options_with_which_nothing_is_handled_are_refused(wrong: Dict[str, Any]) -> None:
    """A worker that would only wait, or spin, is not made at all."""
    with pytest.raises(ConfigurationError, match="a worker has"):
        WorkerOptions(**wrong)


def test_nobody_changes_what_is_shared_by_threads() -> None:
    """Results, jobs and options are immutable, so that no step alters another's."""
    for made in (Result("1"), Job(delivery(), "c"), WorkerOptions()):
        with pytest.raises(FrozenInstanceError):
            setattr(made, next(iter(vars(made))), None)
