"""A stubborn, broken or strange thing costs the others nothing."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
import time
import uuid
from typing import Any, Iterator, List, Optional

import pytest

from messaging import (
    Connection,
    MessagingError,
    Reply,
    ReplyTimeout,
    Request,
    Requester,
)
from tests.conftest import Place, Running, take, take_error, wait_until
from tests.gateway import Answer, Call, Gateway, error
from tests.plain import Queue, Received

SLOW = "tests.slow_worker"
JSON = {"Content-Type": "application/x-amz-json-1.0"}


def reply_queue(place: Place) -> str:
    """Return a reply queue's name such as clients choose."""
    return f"{place.settings.output_queue}-20260101T0000-{uuid.uuid4().hex[:16]}"


def collect(queue: Queue, count: int) -> None:
    """Receive so many messages, within a minute."""
    taken: List[Received] = []

    def enough() -> bool:
        taken.extend(queue.take(wait=1))
        return len(taken) >= count

    wait_until(enough, 60)


def denies(queue: str, given: threading.Event) -> Any:
    """Deny the worker to send to one queue until the right is granted."""

    def fault(call: Call) -> Optional[Answer]:
        mine = call.action == "SendMessageBatch" and f"/{queue}" in call.body.decode()
        return error(call.action, 403, "AccessDenied") if mine and not given.is_set() else None

    return fault


def test_a_reply_queue_that_denies_us_holds_nobody_up(counted: Place, gateway: Gateway) -> None:
    """Others are answered at once behind 150 replies that are denied, which follow once granted."""
    name, given = reply_queue(counted), threading.Event()
    queue = Queue(counted.sqs, counted.sqs.create_queue(QueueName=name)["QueueUrl"])
    attributes = {"ReplyTo": {"DataType": "String", "StringValue": name}}
    counted.inbox().send([{"MessageBody": "7", "MessageAttributes": attributes}] * 150)
    gateway.faults.append(denies(name, given))
    counted.worker()
    wait_until(lambda: gateway.counts["SendMessageBatch"] >= 5)

    for number in range(3):
        started = time.monotonic()
        counted.send(str(number))
        (reply,) = take(counted.outbox())
        assert json.loads(reply.body)["min"] == number
        assert time.monotonic() - started < 3

    given.set()
    collect(queue, 150)


def test_a_shared_queue_of_others_replies_is_no_obstacle(place: Place) -> None:
    """With thirty unclaimed replies in a shared queue, a client receives its own and no other."""
    place.outbox().send([Reply("old", f"nobody-{n}").to_message() for n in range(30)])
    place.worker()

    with Requester(Connection(place.settings), place.settings.output_queue) as requester:
        started = time.monotonic()
        (reply,) = requester.ask([Request("3,1,2")], 20)

    assert json.loads(reply.body)["max"] == 3
    assert time.monotonic() - started < 10
    collect(place.outbox(), 30)


def test_a_worker_that_cannot_log_gives_back_and_ends(counted: Place, gateway: Gateway) -> None:
    """Without the right to write logs a worker exits with 4, and releases all requests."""
    counted.inbox().send([{"MessageBody": str(number)} for number in range(300)])
    gateway.refuse("PutObject", 403, "AccessDenied")
    worker = counted.worker()

    assert worker.process.wait(40) == 4

    assert "cannot bring results home" in worker.said()
    assert "Traceback" not in worker.said()
    wait_until(lambda: counted.messages(counted.inbox()).visible == 300, 10)


@pytest.mark.parametrize("verb", ["exit", "misuse"])
def test_whatever_a_handler_raises_is_a_failure(place: Place, verb: str) -> None:
    """A handler that exits or misuses AWS fails its own request, and the lane goes on."""
    place.send(verb)
    place.send("sleep 0")
    worker = place.worker("--visibility-timeout", "1", module=SLOW)

    (good,) = take(place.outbox())

    assert json.loads(good.body)["did"] == "sleep 0"
    assert "the worker failed 5 times" in take_error(place.outbox()).body
    worker.terminate()
    assert worker.process.wait(25) == 0


def test_a_result_that_sqs_refuses_becomes_an_error_reply(place: Place) -> None:
    """An empty reply body is reported as an error, and the work is not repeated."""
    place.send("empty")
    place.worker(module=SLOW)

    (reply,) = take(place.outbox())

    assert reply.text("Status") == "error"
    assert reply.body.startswith("the result cannot be sent: ")
    wait_until(place.is_empty)


def test_one_request_that_cannot_travel_costs_its_neighbours_nothing(
    counted: Place, gateway: Gateway
) -> None:
    """Parameters that are not JSON, and a long body that S3 denies, fail those requests only."""
    counted.worker()
    gateway.refuse("PutObject", 403, "AccessDenied", times=1)
    with Requester(counted.connection) as requester:
        long = requester.submit(Request("1," * 200_000 + "1"))
        with pytest.raises(Exception, match="AccessDenied"):
            long.result(20)
        items: List[Any] = [Request(str(number)) for number in range(9)]
        items.insert(4, Request("1", parameters={"x": object()}))
        replies = list(requester.ask(items, 20))

    assert "not JSON" in replies.pop(4).body
    assert [json.loads(reply.body)["min"] for reply in replies] == list(range(9))


def test_a_batch_refused_whole_is_halved_down_to_what_is_at_fault(
    counted: Place, gateway: Gateway
) -> None:
    """Of ten requests only the one that SQS refuses fails, with SQS's own words."""
    counted.worker()

    def fault(call: Call) -> Optional[Answer]:
        if call.action != "SendMessageBatch" or b"666" not in call.body:
            return None
        said = {"__type": "x#BatchRequestTooLong", "message": "Batch requests cannot be so long"}
        return 400, JSON, json.dumps(said).encode()

    gateway.faults.append(fault)
    with Requester(counted.connection) as requester:
        replies = list(requester.ask([Request(str(n)) for n in [1, 2, 666, 3, 4, 5]], 20))

    assert "cannot be so long" in replies.pop(2).body
    assert [json.loads(reply.body)["min"] for reply in replies] == [1, 2, 3, 4, 5]


def test_an_unknown_refusal_of_a_batch_is_not_its_entries_fault(
    counted: Place, gateway: Gateway
) -> None:
    """An unknown error code is retried for a while, and all requests are answered."""
    counted.worker()
    gateway.refuse("SendMessageBatch", 400, "SomethingNew", times=3)

    with Requester(counted.connection) as requester:
        replies = list(requester.ask([Request(str(n)) for n in range(20)], 30))

    assert [json.loads(reply.body)["min"] for reply in replies] == list(range(20))


def test_two_series_on_one_requester_are_apart(place: Place) -> None:
    """The end of one call to ask drops no reply of another."""
    place.worker(module=SLOW)
    with Requester(place.connection) as requester:
        outer = requester.ask([Request("sleep 0"), Request("sleep 2")], 20)
        assert next(outer).ok
        assert [reply.ok for reply in requester.ask([Request("sleep 0")], 20)] == [True]
        assert next(outer).ok


def test_an_id_under_way_twice_is_refused_and_one_used_again_is_not(place: Place) -> None:
    """A correlation id in flight cannot be used a second time; afterwards it can."""
    place.worker()
    with Requester(place.connection) as requester:
        twice = [Request("1", "order-9"), Request("2", "order-9")]
        first, second = requester.ask(twice, 20)
        assert first.ok
        assert "under way already" in second.body
        (again,) = requester.ask([Request("3", "order-9")], 20)
        assert json.loads(again.body)["min"] == 3


def test_equal_ids_of_two_clients_share_nothing(place: Place) -> None:
    """Long bodies of two clients with the same correlation id are kept apart in the bucket."""
    place.worker()
    requesters = [Requester(Connection(place.settings)) for _ in range(2)]
    bodies = [",".join([digit] * 150_000) for digit in "12"]

    futures = [
        requester.submit(Request(body, "order-9")) for requester, body in zip(requesters, bodies)
    ]

    assert [json.loads(future.result(30).body)["max"] for future in futures] == [1, 2]
    for requester in requesters:
        requester.close()


def test_a_reply_queue_that_is_lost_is_replaced(place: Place) -> None:
    """A client whose reply queue was swept makes another, and resends what was not answered."""
    place.worker()
    with Requester(place.connection) as requester:
        assert [reply.ok for reply in requester.ask([Request("1")], 20)] == [True]
        prefix = f"{place.settings.output_queue}-"
        (url,) = place.sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"]
        place.sqs.delete_queue(QueueUrl=url)

        assert [reply.ok for reply in requester.ask([Request("2")], 30)] == [True]


def test_our_own_reply_queue_denied_ends_the_wait(counted: Place, gateway: Gateway) -> None:
    """If the reply queue cannot be read, that is reported at once."""
    gateway.refuse("ReceiveMessage", 403, "AccessDenied")
    with Requester(counted.connection) as requester, pytest.raises(MessagingError) as told:
        list(requester.ask([Request("1")], 20))

    assert "our own reply queue" in str(told.value)
    assert told.value.exit_code == 4


@pytest.mark.parametrize("raised", [SystemExit(3), TimeoutError("late"), KeyError("x")], ids=repr)
def test_what_a_source_raises_is_raised_where_replies_are_read(
    place: Place, raised: BaseException
) -> None:
    """Whatever an iterator of requests raises ends the wait at once."""

    def items() -> Iterator[Request]:
        raise raised
        yield

    with Requester(place.connection) as requester, pytest.raises(type(raised)):
        list(requester.ask(items(), 5))


def test_a_timeout_counts_while_the_source_is_silent(place: Place) -> None:
    """A missing reply times out even if the next request may still come."""
    silent = threading.Event()

    def items() -> Iterator[Request]:
        yield Request("1")
        silent.wait(20)

    started = time.monotonic()
    with Requester(place.connection) as requester, pytest.raises(ReplyTimeout):
        list(requester.ask(items(), 2))
    silent.set()

    assert time.monotonic() - started < 6


def test_one_queue_for_both_ways_is_refused(place: Place) -> None:
    """A worker refuses an input queue that is also its output queue."""
    name = place.settings.input_queue
    done = place.client("--input-queue", name, "--output-queue", name, module="calculation.worker")

    assert done.returncode == 4
    assert "cannot be both" in done.stderr


def test_two_workers_wired_crosswise_stop_at_the_first_exchange(place: Place) -> None:
    """A reply in an input queue is not answered, so that no loop arises."""
    names = place.settings.input_queue, place.settings.output_queue
    workers = []
    for ours, theirs in (names, names[::-1]):
        place.environment["CALCULATION_INPUT_QUEUE"] = ours
        place.environment["CALCULATION_OUTPUT_QUEUE"] = theirs
        workers.append(place.worker())

    place.send("3,1,2")
    wait_until(lambda: "requests answered" in workers[1].said())
    time.sleep(2)

    assert "1 of 1 requests answered" in workers[0].said()
    assert sum(worker.said().count("requests answered") for worker in workers) == 2


def test_a_child_process_neither_uses_nor_ends_a_requester(place: Place) -> None:
    """A forked child must make its own requester, and its end leaves the parent's queue alone."""
    place.worker()
    with Requester(place.connection) as requester:
        assert [reply.ok for reply in requester.ask([Request("1")], 20)] == [True]
        child = os.fork()
        if not child:
            try:
                requester.close()
                requester.ask([Request("2")], 5)
            except MessagingError:
                os._exit(7)
            os._exit(1)
        assert os.WEXITSTATUS(os.waitpid(child, 0)[1]) == 7

        assert [reply.ok for reply in requester.ask([Request("3")], 20)] == [True]


class Silence:
    """A fault that accepts requests, and answers none until it is over."""

    def __init__(self) -> None:
        self.heard = threading.Event()
        self.over = threading.Event()

    def __call__(self, call: Call) -> Optional[Answer]:
        self.heard.set()
        self.over.wait(60)
        return None


@pytest.fixture
def silence() -> Iterator[Silence]:
    """A Silence that is over when the test ends."""
    made = Silence()
    yield made
    made.over.set()


def test_a_stop_has_one_bound_while_s3_hears_and_never_answers(
    counted: Place, gateway: Gateway, silence: Silence
) -> None:
    """A worker that cannot log its results ends within 20 s, and releases its requests."""
    worker = counted.worker()
    gateway.spoil("PutObject", silence)
    counted.inbox().send([{"MessageBody": str(number)} for number in range(20)])
    assert silence.heard.wait(20)

    started = time.monotonic()
    worker.terminate()

    assert worker.process.wait(30) == 0
    assert time.monotonic() - started < 22
    wait_until(lambda: counted.messages(counted.inbox()).visible == 20, 10)


def test_a_stop_at_the_start_is_a_stop(counted: Place, gateway: Gateway, silence: Silence) -> None:
    """A worker stopped before AWS has answered exits with 0 at once."""
    gateway.faults.append(silence)
    command = [sys.executable, "-m", "calculation.worker"]
    running = Running(command, counted.environment)
    assert silence.heard.wait(20)
    started = time.monotonic()

    running.terminate()

    assert running.process.wait(10) == 0
    assert time.monotonic() - started < 5


def test_two_signals_of_one_moment_are_one_stop(place: Place) -> None:
    """Two signals at once, as coreutils' timeout sends, are one graceful stop."""
    worker = place.worker()

    worker.process.send_signal(signal.SIGTERM)
    worker.process.send_signal(signal.SIGTERM)

    assert worker.process.wait(30) == 0


def test_messages_too_long_for_their_queue_travel_by_the_bucket(
    counted: Place, gateway: Gateway
) -> None:
    """All requests are answered, including those that a queue with a small limit refuses."""
    counted.worker()

    def fault(call: Call) -> Optional[Answer]:
        if call.action != "SendMessageBatch":
            return None
        long = [each for each in call.entries if len(each["MessageBody"]) > 2000]
        if not long:
            return None
        rest = [each for each in call.entries if each not in long]
        answer = {"Successful": [], **call.carry_out_in_part(rest)}
        said = "Message must be shorter than 1024 bytes."
        answer["Failed"] = [
            {
                "Id": each["Id"],
                "SenderFault": True,
                "Code": "InvalidParameterValue",
                "Message": said,
            }
            for each in long
        ]
        return 200, JSON, json.dumps(answer).encode()

    gateway.faults.append(fault)
    with Requester(counted.connection) as requester:
        items = [Request(f"{n}," * (1000 if n % 3 else 1) + "0") for n in range(250)]
        replies = list(requester.ask(items, 30))

    assert [json.loads(reply.body)["max"] for reply in replies] == list(range(250))


def test_sqs_and_s3_may_be_two_servers(place: Place) -> None:
    """With an endpoint for each, no STS is asked who we are."""
    place.worker()
    split = {"AWS_ENDPOINT_URL_SQS": place.url, "AWS_ENDPOINT_URL_S3": place.url}

    done = place.client("3,1,2", environment={"AWS_ENDPOINT_URL": "", **split})

    assert done.returncode == 0, done.stderr
    assert "there is no STS beside this SQS" in done.stderr
