"""A worker answers its queue until it is stopped or the queue is drained, and leaves no trace."""

from __future__ import annotations

import logging
import threading
from queue import SimpleQueue
from types import SimpleNamespace
from typing import Any, Callable, Iterator, List, Optional

import pytest

from messaging import ConfigurationError, MessagingError, Request, RequestRejected, Worker
from messaging.clock import now
from messaging.flow import threads
from messaging.worker.job import Result
from messaging.worker.options import WorkerOptions
from messaging.worker.settlement import Settlement
from messaging.worker.worker import _try
from tests.conftest import wait_until
from tests.unit.clock import Clock
from tests.unit.memory_aws import Call, Memory, aws_error

GIVE_UP = 8  # seconds; then the test fails


class Bench:
    """A worker over AWS in memory.

    Attributes:
        handler: does the work
        handled: the bodies in the order in which they were handled
    """

    def __init__(self) -> None:
        self.memory = Memory("in", "out")
        self.connection = self.memory.connection()
        self.handler: Callable[[str], str] = lambda body: body
        self.handled: List[str] = []
        self.error: Optional[BaseException] = None
        self.worker: Any = None
        self._thread: Optional[threading.Thread] = None

    def make(self, **options: Any) -> Worker:
        """Return a worker."""
        inbox, storage = self.memory.queue("in"), self.memory.storage()
        settings = WorkerOptions(**options)
        made = Worker(self.connection, inbox, storage, "part", self._handle, settings)
        self.worker = made
        return made

    def start(self, **options: Any) -> None:
        """Start a worker in a thread."""
        self.make(**options)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop the worker and wait for it to end."""
        self.worker.stop()
        self.join()

    def join(self) -> None:
        """Wait for the worker to end."""
        assert self._thread
        self._thread.join(GIVE_UP)
        assert not self._thread.is_alive()

    def runs(self) -> bool:
        """Return whether the worker is still running."""
        return bool(self._thread and self._thread.is_alive())

    def drain(self, **options: Any) -> None:
        """Run a worker until the queue is empty."""
        self.start(drain=True, **options)
        self.join()

    def empty(self) -> None:
        """Wait until all requests are deleted."""
        self.memory.wait_for(lambda: not self.memory.queues["in"])

    def _run(self) -> None:
        try:
            self.worker.run()
        except BaseException as error:
            self.error = error

    def _handle(self, request: Request, storage: Any) -> Result:
        self.handled.append(request.body)
        return Result(self.handler(request.body))


@pytest.fixture
def bench(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[Bench]:
    """A worker whose pauses take no time."""
    caplog.set_level(logging.DEBUG)
    monkeypatch.setattr("messaging.clock.backoff", lambda *how: 0.001)
    monkeypatch.setattr("messaging.flow.batcher.due_at", lambda now, *how: now)
    monkeypatch.setattr("messaging.flow.threads.time.sleep", lambda seconds: None)
    made = Bench()
    yield made
    if made.runs():
        made.memory.faults.clear()
        made.worker.stop()
        made.join()


class Hold:
    """A handler that blocks until it is released."""

    def __init__(self) -> None:
        self.entered = threading.Semaphore(0)
        self.let_go = threading.Event()

    def __call__(self, body: str) -> str:
        self.entered.release()
        assert self.let_go.wait(GIVE_UP)
        return body

    def has_begun(self) -> bool:
        return self.entered.acquire(timeout=GIVE_UP)


def hidden(memory: Memory) -> List[int]:
    """Return for how many seconds requests were hidden, in order."""
    return [
        entry["VisibilityTimeout"]
        for call in memory.asked("change_message_visibility_batch")
        for entry in call.arguments["Entries"]
    ]


def test_a_drained_worker_has_answered_all(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    """Results and refusals are sent, requests deleted, and the worker ends by itself."""

    def work(body: str) -> str:
        if body == "7":
            raise RequestRejected("no sevens")
        return body

    bench.handler = work
    for number in range(25):
        bench.memory.send("in", str(number))
    bench.drain()

    answers = sorted(bench.memory.bodies("out"))
    assert answers == sorted(["no sevens", *(str(n) for n in range(25) if n != 7)])
    assert bench.memory.bodies("in") == []
    assert " reads in; Ctrl-C stops it within 20 s" in caplog.text
    assert "Stopping when what runs is done" not in caplog.text
    assert bench.error is None


def test_a_drain_ends_at_an_empty_poll_that_waited(bench: Bench) -> None:
    """After a full poll an empty one that does not wait proves nothing; one of two seconds does."""
    for number in range(10):
        bench.memory.send("in", str(number))
    bench.drain(concurrency=1)

    polls = bench.memory.asked("receive_message", "in")
    assert [call.arguments["WaitTimeSeconds"] for call in polls] == [2, 0, 2]
    assert [call.arguments["MaxNumberOfMessages"] for call in polls] == [10, 10, 10]
    assert [call.arguments["VisibilityTimeout"] for call in polls] == [5, 5, 5]


def test_polls_are_short_while_a_queue_is_lively(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """For ten seconds after a message polls last 1 s, later 20 s."""
    now = [1000.0]
    monkeypatch.setattr("messaging.clock.now", lambda: now[0])
    bench.start()

    def waits(time: float) -> int:
        now[0] = time
        seen = len(bench.memory.calls)
        bench.memory.wait_for(lambda: len(bench.memory.asked("receive_message")) >= seen + 2)
        call = bench.memory.asked("receive_message")[-1]
        return int(call.arguments["WaitTimeSeconds"])

    assert [waits(1000), waits(1009.9), waits(1010), waits(1500)] == [1, 1, 20, 20]
    bench.memory.send("in", "1")
    bench.empty()
    assert [waits(1509.9), waits(1510)] == [1, 20]


def test_as_many_run_as_there_are_lanes(bench: Bench) -> None:
    """Messages of one poll are handled in parallel, up to the concurrency."""
    bench.handler = hold = Hold()
    for number in range(5):
        bench.memory.send("in", str(number))
    bench.start(concurrency=3)

    assert all(hold.has_begun() for _ in range(3))
    assert not hold.entered.acquire(timeout=0.05)
    hold.let_go.set()
    bench.empty()
    assert sorted(bench.memory.bodies("out")) == list("01234")


def test_long_work_is_kept_hidden(bench: Bench) -> None:
    """Work that takes longer than half of the first five seconds is hidden for the timeout."""
    bench.handler = hold = Hold()
    bench.memory.send("in", "1")
    bench.start(visibility_timeout=1)

    bench.memory.wait_for(lambda: hidden(bench.memory))
    assert hidden(bench.memory) == [1]
    hold.let_go.set()
    bench.empty()


def test_a_stop_lets_what_runs_finish_and_gives_the_rest_back(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Running requests are answered; received ones that have not started are released at once."""
    bench.handler = hold = Hold()
    bench.memory.send("in", "begun")
    bench.memory.send("in", "waiting")
    bench.start(concurrency=1)
    assert hold.has_begun()

    bench.worker.stop()
    bench.memory.wait_for(lambda: hidden(bench.memory))
    assert bench.runs()
    hold.let_go.set()
    bench.join()

    assert bench.handled == ["begun"]
    assert bench.memory.bodies("out") == ["begun"]
    assert bench.memory.bodies("in") == ["waiting"]
    assert hidden(bench.memory) == [0]
    assert "Stopping when what runs is done; once more to stop at once." in caplog.text


def test_an_interrupt_is_a_stop(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C stops a worker as `stop` does."""
    interrupts = [KeyboardInterrupt()]
    events: Any = SimpleQueue()

    def interrupted() -> Any:
        raise interrupts.pop()

    made = SimpleNamespace(get=interrupted, put=events.put)
    monkeypatch.setattr("messaging.worker.worker.SimpleQueue", lambda: made)
    bench.make()
    bench.worker.run()

    wait_until(lambda: not lanes(), GIVE_UP)


def test_an_interrupt_at_the_start_is_a_stop(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C while threads are being started ends those that run already."""
    start = threads.start

    def interrupted(name: str, step: Any) -> None:
        if name == "lane" and lanes():
            monkeypatch.setattr("messaging.flow.threads.start", start)
            raise KeyboardInterrupt
        start(name, step)

    bench.make()
    monkeypatch.setattr("messaging.flow.threads.start", interrupted)
    bench.worker.run()

    wait_until(lambda: not lanes(), GIVE_UP)


def test_a_worker_runs_once(bench: Bench) -> None:
    """Running it again, or twice at a time, is refused, instead of waiting for what never comes."""
    bench.start()
    bench.memory.wait_for(lambda: bench.memory.asked("receive_message"))
    with pytest.raises(MessagingError, match="a Worker runs once"):
        bench.worker.run()

    bench.stop()
    with pytest.raises(MessagingError, match="a Worker runs once"):
        bench.worker.run()


def test_a_stop_ends_all_threads_and_polls(bench: Bench) -> None:
    """The worker waits for polls in flight, and makes no request after its end."""
    bench.start()
    bench.memory.wait_for(lambda: bench.memory.asked("receive_message"))
    bench.stop()

    calls = len(bench.memory.calls)
    wait_until(lambda: not lanes(), GIVE_UP)
    assert len(bench.memory.calls) == calls


def lanes() -> List[threading.Thread]:
    names = {"lane", "leases", "log", "reply", "delete"}
    return [each for each in threading.enumerate() if each.name in names]


def test_what_a_late_poll_brings_is_given_back(bench: Bench) -> None:
    """The message of a poll in flight at the stop is released at once."""
    begun, let_go = bench.memory.hang("receive_message")
    bench.start()
    assert begun.wait(GIVE_UP)
    bench.worker.stop()
    bench.memory.send("in", "late")
    assert not threading.Event().wait(0.05)
    assert bench.runs()
    let_go.set()
    bench.join()

    assert bench.handled == []
    assert hidden(bench.memory) == [0]


def test_what_cannot_be_brought_home_is_given_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If AWS accepts no replies, a stop still ends in time, and releases the request."""
    monkeypatch.setattr("messaging.worker.worker.SETTLE", 2.3)
    monkeypatch.setattr("messaging.worker.worker.STOP", 2.3)
    bench.memory.fail("send_message_batch", "ServiceUnavailable", 503)
    monkeypatch.setattr("messaging.flow.batcher.due_at", lambda now, *how: now + 0.02)
    bench.memory.send("in", "1")
    bench.start()
    bench.memory.wait_for(lambda: bench.memory.asked("send_message_batch"))

    bench.stop()

    assert bench.memory.bodies("in") == ["1"]
    assert hidden(bench.memory)[-1] == 0
    wait_until(lambda: not lanes(), GIVE_UP)


def test_a_log_that_waits_does_not_hold_up_a_stop(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Retries of a log end before the time for a stop is over."""
    monkeypatch.setattr("messaging.worker.worker.SETTLE", 2.3)
    monkeypatch.setattr("messaging.worker.worker.STOP", 2.3)
    monkeypatch.setattr("messaging.worker.worker.ANSWER", 0)
    bench.memory.fail("put_object", "ServiceUnavailable", 503)
    bench.memory.send("in", "1")
    bench.start()
    bench.memory.wait_for(lambda: bench.memory.asked("put_object"))

    bench.stop()

    assert bench.memory.bodies("in") == ["1"]
    assert bench.memory.bodies("out") == []
    assert hidden(bench.memory)[-1] == 0


def test_a_drain_may_be_stopped(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """A draining worker retries the replies of its last jobs without end, until it is stopped."""
    monkeypatch.setattr("messaging.worker.worker.SETTLE", 2.2)
    monkeypatch.setattr("messaging.worker.worker.STOP", 2.2)
    bench.memory.fail("send_message_batch", "ServiceUnavailable", 503)
    monkeypatch.setattr("messaging.flow.batcher.due_at", lambda now, *how: now + 0.02)
    bench.handler = hold = Hold()
    bench.memory.send("in", "1")
    bench.start(drain=True, concurrency=2)
    assert hold.has_begun()
    bench.memory.wait_for(lambda: len(bench.memory.asked("receive_message")) == 2)
    assert not threading.Event().wait(0.1)
    hold.let_go.set()
    bench.memory.wait_for(lambda: len(bench.memory.asked("send_message_batch")) > 5)
    assert not threading.Event().wait(0.4)
    assert bench.runs()

    bench.stop()
    assert bench.memory.bodies("in") == ["1"]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock that only a test moves."""
    made = Clock()
    monkeypatch.setattr("messaging.clock.now", made.now)
    return made


class Attempts:
    """A call that moves the clock at each attempt, and fails.

    Attributes:
        times: the seconds since 1000 at which attempts after the stop are made
        made: how many attempts were made after the stop
    """

    def __init__(self, clock: Clock, *times: float) -> None:
        self.clock = clock
        self.times = list(times)
        self.made = 0
        self.begun = threading.Event()
        self.stopping = threading.Event()

    def __call__(self, body: str = "") -> Any:
        self.begun.set()
        if self.stopping.is_set() and self.made < len(self.times):
            self.clock.time = 1000 + self.times[self.made]
            self.made += 1
        raise aws_error("SlowDown", 503)


def test_work_that_waits_for_aws_is_tried_for_eight_seconds_after_a_stop(
    bench: Bench, clock: Clock
) -> None:
    """A handler that waits for AWS is retried until 8 s after a stop, then released."""
    bench.handler = work = Attempts(clock, 1, 7.9, 8, 9)
    bench.memory.send("in", "1")
    bench.start(concurrency=1, visibility_timeout=100)
    bench.memory.wait_for(work.begun.is_set)
    bench.worker._leases._leases["message-1"].end = 2000
    stop(bench, work)

    assert work.made == 3
    assert bench.memory.bodies("in") == ["1"]
    assert hidden(bench.memory)[-1] == 0


@pytest.mark.parametrize(
    ("ended", "times"), [(1, (17.9, 18, 19)), (30, (31.9, 32, 33))], ids=["soon", "late"]
)
def test_a_log_is_tried_until_the_end_of_a_stop(
    bench: Bench, clock: Clock, ended: float, times: Any
) -> None:
    """A log is retried until 20 s after the stop or 4 s after the last job, less two to release."""
    bench.handler = hold = Hold()
    log = Attempts(clock, *times)

    def fail(call: Call) -> None:
        if call.operation == "put_object":
            # A request takes longer than the lanes' end takes to be seen, but for a busy machine.
            wait_until(lambda: bench.worker._patience._until not in (float("inf"), 1008), GIVE_UP)
            log.stopping.set()
            log()

    bench.memory.before = fail
    bench.memory.send("in", "1")
    bench.start(concurrency=1)
    assert hold.has_begun()
    bench.worker._leases._leases["message-1"].end = 2000
    bench.worker.stop()
    wait_until(lambda: bench.worker._intake._closed, GIVE_UP)
    clock.time += ended
    hold.let_go.set()
    bench.join()

    assert log.made == 2
    assert bench.memory.bodies("in") == ["1"]
    assert hidden(bench.memory)[-1] == 0


def stop(bench: Bench, attempts: Attempts) -> None:
    """Stop a worker, and let the clock of its attempts move from then on."""
    bench.worker.stop()
    wait_until(lambda: bench.worker._intake._closed, GIVE_UP)
    attempts.stopping.set()
    bench.join()


def test_polls_that_fail_are_not_repeated_at_a_stop(bench: Bench, clock: Clock) -> None:
    """A failed poll is not retried at a stop, since nobody needs its messages."""
    bench.memory.fail("receive_message", "SlowDown", 503)
    bench.start()
    bench.memory.wait_for(lambda: len(bench.memory.asked("receive_message")) > 5)

    bench.stop()


def test_lanes_that_wait_for_room_do_not_hold_up_a_stop(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While S3 never answers, what blocked lanes hold is released in time."""
    monkeypatch.setattr("messaging.worker.worker.SETTLE", 2.3)
    monkeypatch.setattr("messaging.worker.worker.STOP", 2.3)
    monkeypatch.setattr("messaging.worker.settlement.ROOM", 1)
    let_go = threading.Event()

    def hang(call: Call) -> None:
        if call.operation == "put_object":
            let_go.wait(GIVE_UP)

    bench.memory.before = hang
    for number in range(4):
        bench.memory.send("in", str(number))
    bench.start(concurrency=3)
    wait_until(lambda: len(bench.handled) >= 2, GIVE_UP)

    bench.stop()

    assert len(bench.memory.bodies("in")) == 4
    assert all(message.hidden_until <= now() for message in bench.memory.queues["in"])
    let_go.set()


def test_eight_polls_at_most_are_under_way(bench: Bench) -> None:
    """At most eight polls are in flight, whatever the concurrency and the backlog."""
    let_go, lock = threading.Event(), threading.Lock()
    under_way: List[int] = []

    def hang(call: Call) -> None:
        if call.operation == "receive_message" and len(bench.memory.calls) >= 1:
            with lock:
                under_way.append(1)
            let_go.wait(GIVE_UP)

    bench.memory.before = hang
    for number in range(200):
        bench.memory.send("in", str(number))
    bench.start(concurrency=20)
    wait_until(lambda: len(under_way) == 8, GIVE_UP)
    assert not threading.Event().wait(0.1)
    assert len(under_way) == 8
    let_go.set()
    bench.empty()


def test_what_takes_too_long_is_left_alone() -> None:
    """A call past its deadline is not waited for; an error before it is raised."""
    started = now()
    _try(lambda: threading.Event().wait(2), started - 5)
    assert now() - started < 0.9

    with pytest.raises(ZeroDivisionError):
        _try(lambda: 1 / 0, now() + 5)


def test_a_right_that_is_missing_ends_the_worker(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the right to write logs the worker releases its requests and says why."""
    monkeypatch.setattr("messaging.worker.settlement.DENIED", 0.0)
    bench.memory.fail("put_object", "AccessDenied", 403)
    bench.memory.send("in", "1")
    bench.start()
    bench.join()

    assert isinstance(bench.error, ConfigurationError)
    assert str(bench.error).startswith("cannot bring results home: ")
    assert bench.memory.bodies("in") == ["1"]
    assert hidden(bench.memory)[-1] == 0


def test_a_request_that_comes_again_is_not_answered_again(bench: Bench) -> None:
    """A request that SQS delivers again after its deletion is deleted again, unhandled."""
    message_id = bench.memory.send("in", "1")
    bench.start()
    bench.empty()

    bench.memory.send("in", "1")
    bench.memory.queues["in"][-1].message_id = message_id
    bench.empty()

    assert bench.memory.bodies("out")[0] == "1"


def test_an_outage_of_the_queue_is_waited_out(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Whatever a poll raises, it is retried, and a stop does not wait for it."""
    fault = bench.memory.fail("receive_message", "Strange")
    bench.start()
    bench.memory.wait_for(lambda: len(bench.memory.asked("receive_message")) > 5)
    bench.memory.mend(fault)
    bench.memory.send("in", "1")
    bench.empty()
    assert "Cannot receive from in" in caplog.text

    bench.memory.fail("receive_message", "Strange")
    bench.stop()


def test_a_fault_of_ours_gives_the_request_back(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On an unexpected exception the lane goes on, and the request is handled when redelivered."""
    faults = [ValueError("of ours")]
    put = Settlement.put

    def settle(self: Any, job: Any) -> None:
        if faults:
            raise faults.pop()
        put(self, job)

    monkeypatch.setattr(Settlement, "put", settle)
    bench.memory.send("in", "1")
    bench.start(concurrency=1, visibility_timeout=1)
    bench.empty()

    assert bench.handled == ["1", "1"]


def test_what_waited_too_long_is_not_begun(bench: Bench) -> None:
    """A request whose lease expires before its turn is left to whoever receives it next."""
    bench.handler = hold = Hold()
    fault = bench.memory.fail(
        "change_message_visibility_batch", "ReceiptHandleIsInvalid", sender=True, within="Id"
    )
    bench.memory.send("in", "first")
    bench.memory.send("in", "second")
    bench.start(concurrency=1, visibility_timeout=1)
    assert hold.has_begun()
    bench.memory.wait_for(lambda: hidden(bench.memory).count(1) >= 2)
    bench.memory.mend(fault)
    hold.let_go.set()
    bench.empty()

    assert sorted(bench.memory.bodies("out")) == ["first", "second"]


def test_each_client_makes_one_attempt_of_its_own_time(bench: Bench) -> None:
    """Polls may take 28 s, sends 8 s, renewals 2 s; boto3 itself retries none of them."""
    bench.make()

    clients = [("s3", 1, 8), ("sqs", 1, 2), ("sqs", 1, 8), ("sqs", 1, 28)]
    assert sorted(bench.connection.asked_for) == clients


def test_a_network_that_is_down_holds_up_no_end(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    """Requests that cannot be released do not delay the end, since they reappear by themselves."""
    bench.handler = hold = Hold()
    for number in range(30):
        bench.memory.send("in", str(number))
    bench.start(concurrency=1)
    assert hold.has_begun()
    bench.memory.fail("change_message_visibility_batch", "AccessDenied", 403)
    bench.worker.stop()
    wait_until(lambda: "Cannot hide requests in in" in caplog.text, GIVE_UP)
    hold.let_go.set()
    bench.join()

    assert bench.memory.bodies("out") == ["0"]
