"""The requester returns each caller its replies, in order, whatever else is in the queue."""

import json
import threading
import time
from typing import Any, Iterator, List

import pytest

from messaging import Connection, Reply, ReplyTimeout, Request, Requester
from messaging.requester.replies import TOGETHER
from scripts.local_aws import LocalAws
from tests.conftest import Place, take, wait_until
from tests.gateway import Gateway
from tests.plain import Queue


@pytest.fixture
def requester(place: Place) -> Iterator[Requester]:
    """A requester with a private reply queue."""
    with Requester(place.connection) as made:
        yield made


def give_up(replies: Iterator[Reply]) -> None:
    """Wait for a reply that does not come."""
    with pytest.raises(ReplyTimeout):
        next(replies)


def minima(replies: Iterator[Reply]) -> List[Any]:
    """Return the minimum in each reply, or the text of its error."""
    return [json.loads(reply.body)["min"] if reply.ok else reply.body for reply in replies]


def test_replies_come_in_the_order_of_the_requests(place: Place, requester: Requester) -> None:
    """Two workers answer in any order, and soon though the reply queue is new, yet replies are
    sorted, with local refusals in place."""
    place.worker()
    place.worker()
    items: List[Any] = [Request(str(number)) for number in range(200)]
    items[50] = Reply.error("not sent")

    wanted: List[Any] = list(range(200))
    wanted[50] = "not sent"
    assert minima(requester.ask(items, 20)) == wanted


def test_a_slow_source_gets_its_replies_meanwhile(place: Place, requester: Requester) -> None:
    """A request is sent as soon as it comes, not when there are ten."""
    place.worker()
    answered = threading.Event()

    def items() -> Iterator[Request]:
        yield Request("1")
        assert answered.wait(20)
        yield Request("2")

    replies = requester.ask(items(), 30)
    assert next(replies).ok
    answered.set()
    assert next(replies).ok


def test_an_error_of_the_source_is_raised(requester: Requester) -> None:
    """An error while requests are made reaches the caller."""

    def items() -> Iterator[Request]:
        raise RuntimeError("no more")
        yield

    with pytest.raises(RuntimeError, match="no more"):
        list(requester.ask(items(), 5))


def test_control_characters_are_refused_on_the_spot(requester: Requester) -> None:
    """Characters that SQS does not carry are refused before anything is sent."""
    (reply,) = requester.ask([Request("1\x00")], 5)

    assert reply.body == "the text holds a control character that SQS does not carry"


def test_duplicate_and_foreign_replies_are_not_given_out(
    place: Place, requester: Requester
) -> None:
    """Of two replies with one id only the first counts; one with an unknown id is ignored."""
    future = requester.submit(Request("x", "mine"))
    (url,) = wait_until(
        lambda: place.sqs.list_queues(QueueNamePrefix=f"{place.settings.output_queue}-").get(
            "QueueUrls"
        )
    )
    for body, name in [("x", "other"), ("1", "mine"), ("2", "mine")]:
        place.sqs.send_message(QueueUrl=url, **Reply(body, name).to_message())

    assert future.result(10).body in ("1", "2")  # a queue has no order


def test_what_was_read_is_deleted_while_a_session_lasts(place: Place) -> None:
    """While a client runs, few of the replies that it has read stay in its queue."""
    place.worker()
    with Requester(place.connection) as requester:
        assert minima(requester.ask([Request(str(n)) for n in range(95)], 30)) == list(range(95))

        prefix = f"{place.settings.output_queue}-"
        (url,) = place.sqs.list_queues(QueueNamePrefix=prefix)["QueueUrls"]
        assert sum(place.messages(Queue(place.sqs, url))) < TOGETHER


def test_a_shared_queue_keeps_what_belongs_to_others(place: Place) -> None:
    """Two clients on one queue each get their own replies; an orphan stays for its owner."""
    place.worker()
    place.outbox().send([Reply("orphan", "nobody").to_message()])
    results: List[List[Any]] = [[], []]

    def session(number: int) -> None:
        with Requester(Connection(place.settings), place.settings.output_queue) as requester:
            items = [Request(f"{number}{index}") for index in range(5)]
            results[number].extend(minima(requester.ask(items, 60)))

    threads = [threading.Thread(target=session, args=(number,)) for number in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert results == [[0, 1, 2, 3, 4], [10, 11, 12, 13, 14]]
    (orphan,) = wait_until(lambda: take(place.outbox(), wait=1))
    assert orphan.body == "orphan"


def test_looking_at_a_queue_of_orphans_slows_down(counted: Place, gateway: Gateway) -> None:
    """A client that shares a queue with an orphan makes fewer than two requests per second."""
    counted.outbox().send([Reply("orphan", "nobody").to_message()])
    with Requester(counted.connection, counted.settings.output_queue) as requester:
        replies = requester.ask([Request("1")], 15)
        asking = threading.Thread(target=give_up, args=(replies,))
        asking.start()
        wait_until(lambda: gateway.counts["ReceiveMessage"])
        before, started = sum(gateway.counts.values()), time.monotonic()
        time.sleep(10)
        rate = (sum(gateway.counts.values()) - before) / (time.monotonic() - started)
        asking.join()

    print(f"{rate:.2f} requests a second")
    assert 0.1 < rate < 2


def test_one_request_costs_the_client_two_calls_and_an_idle_client_none(
    counted: Place, gateway: Gateway, aws: LocalAws
) -> None:
    """A request costs a send and a receive, and an idle client makes none."""
    counted.worker(url=aws.url)
    with Requester(counted.connection) as requester:
        minima(requester.ask([Request("1")], 20))
        assert gateway.counts["GetCallerIdentity"] == 1
        gateway.counts.clear()

        assert minima(requester.ask([Request("2")], 20)) == [2]

        time.sleep(2)
        assert gateway.counts == {"SendMessageBatch": 1, "ReceiveMessage": 1}
