"""The programs' predecessors send plain bodies without attributes; ours work with them."""

import json
import threading
from typing import Iterator

import pytest

from tests.conftest import Place, take

SUMMARY = '{"count": 3, "min": 1, "max": 3, "median": 2, "mean": 2.0}'


@pytest.fixture
def old_worker(place: Place) -> Iterator[None]:
    """A worker that answers plain bodies, to the one output queue that it knows."""
    inbox, outbox, stop = place.inbox(), place.outbox(), threading.Event()

    def work() -> None:
        while not stop.is_set():
            for _ in take(inbox, 1, 1):
                place.sqs.send_message(QueueUrl=outbox.url, MessageBody=SUMMARY)

    thread = threading.Thread(target=work)
    thread.start()
    yield
    stop.set()
    thread.join()


@pytest.mark.usefixtures("old_worker")
def test_our_client_understands_the_only_reply(place: Place) -> None:
    """With one request in flight, a reply without attributes is its own, and a line says so."""
    shared = ["--reply-queue", place.settings.output_queue, "--json", "--timeout", "10"]

    done = place.client("3,1,2", *shared)

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["median"] == 2
    assert "A reply without attributes: taken for that to our only request." in done.stderr


@pytest.mark.usefixtures("old_worker")
def test_our_client_does_not_guess_between_two(place: Place) -> None:
    """With two requests in flight, the client ignores a reply without attributes."""
    shared = ["--reply-queue", place.settings.output_queue, "--timeout", "4"]

    done = place.client("3,1,2", "5", *shared)

    assert (done.returncode, done.stdout) == (3, "")


def test_the_old_client_is_answered_by_our_worker(place: Place) -> None:
    """The result of a plain body is the body of a message in the output queue."""
    place.worker()
    place.sqs.send_message(QueueUrl=place.inbox().url, MessageBody="3,1,2")

    (reply,) = take(place.outbox())

    assert json.loads(reply.body)["median"] == 2
