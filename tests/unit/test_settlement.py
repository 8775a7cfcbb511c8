"""A finished job is logged, answered and deleted, in that order, whatever AWS says."""

from __future__ import annotations

import logging
import threading
from collections import Counter
from typing import Any, Iterator, List, NamedTuple, Optional

import pytest

from messaging.aws.patience import Patience
from messaging.flow.batcher import Batcher
from messaging.worker.job import Job, Result
from messaging.worker.leases import Leases
from messaging.worker.settlement import Settlement
from tests.unit.clock import Clock, delivery
from tests.unit.memory_aws import Memory

OPERATIONS = ["put_object", "send_message_batch", "delete_message_batch"]


class Bench(NamedTuple):
    """A Settlement over AWS in memory."""

    memory: Memory
    clock: Clock
    patience: Patience
    leases: Leases
    settlement: Settlement
    fatal: List[Exception]

    def jobs(self, *bodies: str) -> List[Job]:
        """Receive requests with these bodies, each handled with its body as the result."""
        for body in bodies:
            self.memory.send("in", body)
        inbox = self.memory.queue("in")
        taken = self.leases.hold(inbox.receive(10, 0, 30))
        return [Job(each, each.message_id, "out", Result(each.body)) for each in taken]

    def many(self, count: int) -> List[Job]:
        """Return jobs for so many requests, each with a lease."""
        taken = self.leases.hold([delivery(str(n), self.clock.time) for n in range(count)])
        return [Job(each, "c", "out", Result("done")) for each in taken]

    def settle(self, *jobs: Job) -> None:
        """Put jobs into the settlement, and wait until they are settled."""
        self.settlement.put(jobs)
        self.settlement.each(Batcher.join)

    def job(self, **fields: Any) -> Job:
        """Receive a request and handle it."""
        (job,) = self.jobs("3,1,2")
        return Job(**{**vars(job), **fields})

    def order(self) -> List[str]:
        """Return the requests to AWS, except polls."""
        return [c.operation for c in self.memory.calls if c.operation != "receive_message"]

    def statuses(self) -> List[str]:
        """Return the replies' statuses."""
        return [m.attributes["Status"]["StringValue"] for m in self.memory.queues["out"]]


@pytest.fixture
def bench(
    clock: Clock, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> Iterator[Bench]:
    """A Settlement whose clock only a test moves, and whose retries are due at once."""
    caplog.set_level(logging.DEBUG)
    memory, patience = Memory("in", "out"), Patience()
    monkeypatch.setattr("messaging.clock.backoff", lambda *how: 0.0)
    monkeypatch.setattr("messaging.flow.batcher.due_at", lambda now, *how: now)
    monkeypatch.setattr("messaging.flow.batcher.LINGER", 0.0)
    leases = Leases(memory.queue("in"), 30, patience)
    fatal: List[Exception] = []
    settlement = Settlement(
        memory.queue("in"), memory.storage(), "part", "me", leases, patience, fatal.append
    )
    yield Bench(memory, clock, patience, leases, settlement, fatal)
    patience.end()
    settlement.each(Batcher.close)


def only(items: List[Any]) -> Any:
    (item,) = items
    return item


def test_log_reply_and_delete_in_that_order(bench: Bench) -> None:
    """The reply names the log object, which tells of the job, and the request is deleted."""
    bench.settle(bench.job())

    reply = only(bench.memory.queues["out"])
    assert bench.order() == OPERATIONS
    assert bench.memory.bodies("in") == []
    assert reply.attributes["CorrelationId"]["StringValue"] == "message-1"
    log = bench.memory.objects[reply.attributes["LogKey"]["StringValue"]].decode()
    assert "by me\nresult    3,1,2\n" in log
    assert not bench.leases.stop()


def test_one_line_says_what_became_of_requests(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """A line says how many were answered, which were refused, and where the log is."""
    first, second = bench.jobs("1", "a")
    bench.settle(first, second.refused("item 1 is no integer"))

    lines = [each.getMessage() for each in caplog.records if "answered" in each.getMessage()]
    assert sum(int(line[0]) for line in lines) == 2
    assert any(", 1 of them refused (item 1 is no integer)" in line for line in lines)
    assert all("log: logs/part/" in line for line in lines)


def test_a_request_is_known_once_it_is_answered(bench: Bench) -> None:
    """A request delivered again is only deleted, with no second log entry or reply."""
    job = bench.job()
    assert not bench.settlement.is_repeated(job.delivery)
    bench.settle(job)
    bench.memory.send("in", "3,1,2")
    bench.memory.queues["in"][-1].message_id = job.delivery.message_id
    (again,) = bench.leases.hold(bench.memory.queue("in").receive(10, 0, 30))

    assert bench.settlement.is_repeated(again)
    bench.settle()

    assert bench.order() == [*OPERATIONS, "delete_message_batch"]
    assert bench.memory.bodies("in") == []


def test_what_is_no_longer_ours_is_let_go(bench: Bench) -> None:
    """A request whose lease has expired is neither answered nor deleted."""
    job = bench.job()
    bench.clock.time += 31

    bench.settle(job)

    assert bench.order() == []
    assert bench.memory.bodies("in") == ["3,1,2"]


def test_a_lost_lease_leaves_the_other_jobs_alone(bench: Bench) -> None:
    """Of two jobs, the one whose lease is alive is settled."""
    lost, ours = bench.jobs("lost", "ours")
    bench.leases.drop([lost.delivery])

    bench.settle(lost, ours)

    assert bench.memory.bodies("out") == ["ours"]
    assert bench.memory.bodies("in") == ["lost"]


def test_a_result_that_sqs_refuses_becomes_a_refusal(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """The sender and the log are told, in 200 characters, why the result cannot be sent."""
    how: Any = {"sender": True, "within": "3,1,2", "times": 1}
    bench.memory.fail("send_message_batch", "InvalidParameterValue", message="no! " * 99, **how)

    bench.settle(bench.job())

    (body,) = bench.memory.bodies("out")
    assert body.startswith("the result cannot be sent: no!")
    assert len(body) == 200
    assert bench.statuses() == ["error"]
    assert bench.memory.bodies("in") == []
    assert "Message message-1: the result cannot be sent: no!" in caplog.text


def test_a_refusal_too_long_for_its_queue_is_told_in_short(bench: Bench) -> None:
    """A long refusal that SQS does not accept is replaced by a short one."""
    how: Any = {"sender": True, "within": "x" * 900, "times": 1}
    bench.memory.fail("send_message_batch", "InvalidParameterValue", message="too long", **how)

    bench.settle(bench.job().refused("x" * 900))

    (body,) = bench.memory.bodies("out")
    assert body == "the result cannot be sent: too long (InvalidParameterValue)"
    assert bench.memory.bodies("in") == []


def test_an_error_that_sqs_refuses_is_the_end(bench: Bench) -> None:
    """A refusal that cannot be sent either is not retried, and its request is deleted."""
    bench.memory.fail(
        "send_message_batch", "InvalidParameterValue", sender=True, within="StringValue"
    )

    bench.settle(bench.job())

    assert len(bench.memory.asked("send_message_batch")) == 2
    assert bench.memory.bodies("in") == []
    assert bench.memory.bodies("out") == []


def test_a_reply_that_fails_is_sent_again_and_alone(bench: Bench) -> None:
    """A transient failure costs one more request, and the rest of the batch nothing."""
    bench.memory.fail("send_message_batch", "InternalError", within="first", times=3)

    bench.settle(*bench.jobs("first", "second"))

    assert sorted(bench.memory.bodies("out")) == ["first", "second"]
    assert bench.memory.bodies("in") == []
    assert not bench.leases.stop()


def test_a_reply_queue_that_is_gone_takes_its_request_along(bench: Bench) -> None:
    """If its client has given up, a request is deleted, and counts as unanswered."""
    job = bench.job(reply_to="out-gone")
    hide(bench, job, 300)
    bench.clock.time += 61

    bench.settle(job)

    assert bench.memory.bodies("in") == []
    assert not bench.settlement.is_repeated(job.delivery)


def test_a_reply_queue_that_refuses_us_leaves_its_request_for_later(bench: Bench) -> None:
    """The request is visible again in 30 s, and does not count as answered."""
    bench.memory.fail("send_message_batch", "AccessDenied", 403, about="out")
    job = bench.job()
    hide(bench, job, 300)
    bench.clock.time += 61

    bench.settle(job)

    message = only(bench.memory.queues["in"])
    assert message.hidden_until == bench.clock.time + 30
    assert not bench.settlement.is_repeated(job.delivery)


def hide(bench: Bench, job: Job, seconds: int) -> None:
    """Give a job a lease of so many seconds."""
    bench.leases._leases[job.delivery.message_id].end = bench.clock.time + seconds


def test_a_reply_is_tried_while_its_queue_may_yet_come(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Within a minute a missing queue is retried until it exists, and that is told."""

    def create(call: Any) -> None:
        if len(bench.memory.asked("send_message_batch")) == 3:
            bench.memory.queues["out-new"] = []

    bench.memory.before = create
    bench.settle(bench.job(reply_to="out-new"))

    assert bench.memory.bodies("out-new") == ["3,1,2"]
    assert "AWS answers again." in caplog.text
    assert bench.memory.bodies("in") == []


def test_where_there_is_nobody_to_answer_nobody_is(bench: Bench) -> None:
    """A job without a reply queue is logged and deleted."""
    bench.settle(bench.job(reply_to=None))

    assert bench.order() == ["put_object", "delete_message_batch"]
    assert bench.memory.bodies("in") == []


@pytest.mark.parametrize("reply_to", [None, "out"])
def test_a_failed_job_stays_in_the_queue(
    bench: Bench, reply_to: Optional[str], caplog: pytest.LogCaptureFixture
) -> None:
    """A failed job's request is hidden for its backoff and counts as unanswered, told or not."""
    job = bench.job(reply_to=reply_to, status="error", retry_in=60)

    bench.settle(job)

    message = only(bench.memory.queues["in"])
    assert message.hidden_until == bench.clock.time + 60
    assert bench.memory.bodies("out") == (["3,1,2"] if reply_to else [])
    assert not bench.settlement.is_repeated(job.delivery)
    assert "requests answered" not in caplog.text


def test_replies_go_to_each_queue_by_itself(bench: Bench) -> None:
    """Jobs of two clients are answered in each one's queue."""
    bench.memory.queues["out-a"] = []
    first, second = bench.jobs("1", "2")

    bench.settle(Job(**{**vars(first), "reply_to": "out-a"}), second)

    assert bench.memory.bodies("out-a") == ["1"]
    assert bench.memory.bodies("out") == ["2"]


def test_a_delete_that_fails_is_tried_again(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """The lease is kept meanwhile, and the trouble and its end are reported."""
    bench.memory.fail("delete_message_batch", "AccessDenied", 403, times=2)

    bench.settle(bench.job())

    assert bench.memory.bodies("in") == []
    assert bench.order() == [*OPERATIONS, *["delete_message_batch"] * 2]
    assert caplog.text.count("Cannot delete requests in in") == 2
    assert caplog.text.count("AWS answers again.") == 1
    assert caplog.text.count("1 of 1 requests answered") == 1
    assert not bench.leases.stop()


def test_only_what_was_deleted_is_told(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Of two requests, one whose deletion fails is reported when it succeeds."""
    bench.memory.fail("delete_message_batch", "InternalError", within="first", times=1)

    bench.settle(*bench.jobs("first", "second"))

    told = [r.getMessage() for r in caplog.records if "requests answered" in r.getMessage()]
    assert [line[:6] for line in told] == ["1 of 1", "1 of 1"]


def test_a_delete_that_sqs_refuses_is_over(bench: Bench) -> None:
    """A deletion that SQS refuses for good is not retried."""
    bench.memory.fail("delete_message_batch", "ReceiptHandleIsInvalid", sender=True, within="Id")

    bench.settle(bench.job())

    assert bench.order() == OPERATIONS


@pytest.mark.parametrize(("seconds", "fatal"), [(9.9, False), (10.0, True)])
def test_a_right_to_log_may_come_late(bench: Bench, seconds: float, fatal: bool) -> None:
    """A missing right to log is waited for ten seconds; then the settlement fails."""
    bench.memory.fail("put_object", "AccessDenied", 403, times=2)

    def pass_time(call: Any) -> None:
        if call.operation == "put_object" and bench.memory.asked("put_object"):
            bench.clock.time = 1000 + seconds

    job = bench.job()
    hide(bench, job, 300)
    bench.memory.before = pass_time
    bench.settle(job)

    assert bool(bench.fatal) == fatal
    assert bench.memory.bodies("out") == ([] if fatal else ["3,1,2"])


def test_an_outage_of_the_log_is_waited_out(bench: Bench) -> None:
    """An outage is waited out, and the log is written under the same key."""
    bench.memory.fail("put_object", "SlowDown", 503, times=3)

    bench.settle(bench.job())

    assert len({call.about for call in bench.memory.asked("put_object")}) == 1
    assert bench.memory.bodies("out") == ["3,1,2"]
    assert bench.fatal == []


def test_a_log_that_waits_when_we_stop_is_nobodys_fault(bench: Bench) -> None:
    """A transient failure abandoned because of a stop is not reported as fatal."""
    bench.memory.fail("put_object", "SlowDown", 503)
    job = bench.job()
    bench.memory.before = lambda call: bench.patience.end()

    bench.settle(job)

    assert bench.fatal == []
    assert bench.memory.bodies("in") == ["3,1,2"]


def test_a_fault_of_ours_gives_the_request_back(bench: Bench, monkeypatch: Any) -> None:
    """On an unexpected exception the lease is dropped, so that SQS delivers the request again."""
    monkeypatch.setattr("messaging.flow.threads.time.sleep", lambda seconds: None)
    monkeypatch.setattr(Job, "log_entry", lambda job, worker: 1 / 0)

    bench.settle(bench.job())

    assert not bench.leases.stop()
    assert bench.order() == []


def test_a_worker_that_ends_does_not_wait_for_what_fails(bench: Bench) -> None:
    """Hurrying makes retries due at once, and closing drops them."""
    bench.memory.fail("send_message_batch", "InternalError", 500)
    bench.settlement.put([bench.job()])
    bench.memory.wait_for(lambda: len(bench.memory.asked("send_message_batch")) > 1)

    for call in (Batcher.hurry, Batcher.close, Batcher.join):
        bench.settlement.each(call)

    assert bench.memory.bodies("in") == ["3,1,2"]


def test_a_log_object_covers_a_hundred_jobs(bench: Bench) -> None:
    """A hundred jobs share a log object, and ten a batch of replies or deletions."""
    bench.settle(*bench.many(250))

    logs = [log.decode().count("received  ") for log in bench.memory.objects.values()]
    assert max(logs) == 100
    assert sum(logs) == 250
    sizes = [len(c.arguments["Entries"]) for c in bench.memory.asked("send_message_batch")]
    assert max(sizes) == 10


@pytest.mark.parametrize(("waiting", "blocks"), [(499, False), (500, True)])
def test_five_hundred_jobs_wait_at_each_step(bench: Bench, waiting: int, blocks: bool) -> None:
    """Putting one more job blocks until there is room, or until the worker stops."""
    let_go = threading.Event()

    def hang(call: Any) -> None:
        let_go.wait(8)

    bench.memory.before = hang
    *many, last = bench.many(waiting + 1)
    bench.settlement.put(many)
    putting = threading.Thread(target=bench.settlement.put, args=([last],), daemon=True)
    putting.start()
    putting.join(0.1)
    assert putting.is_alive() == blocks

    bench.settlement.each(Batcher.hurry)
    putting.join(5)
    assert not putting.is_alive()
    let_go.set()


def test_ten_thousand_answers_are_remembered(bench: Bench) -> None:
    """With one answer more, the oldest is forgotten."""
    answers: Any = bench.settlement
    answers._answered.add(str(number) for number in range(10_001))

    known = [bench.settlement.is_repeated(delivery(str(number))) for number in (0, 1, 10_000)]
    assert known == [False, True, True]


def test_each_step_has_its_threads(bench: Bench) -> None:
    """Two threads write logs, eight send replies, and four delete."""
    before = set(threading.enumerate())
    made = Settlement(
        bench.memory.queue("in"),
        bench.memory.storage(),
        "part",
        "me",
        bench.leases,
        bench.patience,
        bench.fatal.append,
    )
    more = Counter(thread.name for thread in set(threading.enumerate()) - before)
    made.each(Batcher.close)

    assert more == {"log": 2, "reply": 8, "delete": 4}
