"""The worker refuses, keeps, releases, answers and costs what it promises."""

import json
import time
from typing import Any, List

import pytest

from messaging.wire import names
from messaging.worker.lanes import LIVELY, LIVELY_POLL
from scripts.local_aws import LocalAws
from tests.conftest import UNLIKE_AWS, Place, take, wait_until
from tests.gateway import Gateway

SLOW = "tests.slow_worker"


def test_stopped_while_idle_leaves_the_next_message_visible(place: Place) -> None:
    """A message sent after SIGTERM to an idle worker is visible to the next one at once."""
    worker = place.worker()
    worker.terminate()
    worker.wait_for("Stopping")

    place.send("3,1,2")

    assert worker.process.wait(25) == 0
    (delivery,) = place.inbox().receive(1, 1, 30)
    assert delivery.body == "3,1,2"


def test_stopped_while_busy_finishes_the_running_and_releases_the_rest(place: Place) -> None:
    """On SIGTERM waiting requests are released and running ones answered; the exit code is 0."""
    for _ in range(3):
        place.send("sleep 3")
    worker = place.worker("--visibility-timeout", "60", module=SLOW)
    wait_until(lambda: place.messages(place.inbox()).hidden == 3)

    worker.terminate()

    wait_until(lambda: place.messages(place.inbox()).visible == 2, 2)
    assert worker.process.poll() is None
    assert worker.process.wait(25) == 0
    (reply,) = take(place.outbox())
    assert json.loads(reply.body)["did"] == "sleep 3"
    assert place.messages(place.inbox()).hidden == 0


def test_second_signal_ends_at_once(place: Place) -> None:
    """A second signal ends the worker without waiting for running jobs."""
    place.send("sleep 30")
    worker = place.worker(module=SLOW)
    wait_until(lambda: place.messages(place.inbox()).hidden)
    worker.terminate()
    worker.wait_for("Stopping")

    started = time.monotonic()
    worker.terminate()

    assert worker.process.wait(10) == 130
    assert time.monotonic() - started < 3


def test_a_crash_repeats_the_work_and_loses_nothing(place: Place) -> None:
    """A request whose worker died is answered by the next worker."""
    place.send("sleep 5")
    worker = place.worker("--visibility-timeout", "2", module=SLOW)
    wait_until(lambda: place.messages(place.inbox()).hidden)
    worker.process.kill()

    second = place.worker(module=SLOW)

    (reply,) = take(place.outbox())
    assert json.loads(reply.body)["process"] == second.process.pid


def test_reply_queues_that_are_gone_do_not_hold_the_worker(place: Place) -> None:
    """A request behind forty of a client that is gone is answered at once."""
    gone = names.new_name(place.settings.output_queue)
    for _ in range(40):
        place.send("1", ReplyTo=gone)
    place.worker()
    started = time.monotonic()

    place.send("2")

    (reply,) = take(place.outbox())
    assert json.loads(reply.body)["min"] == 2
    assert time.monotonic() - started < 3


def test_draining_answers_all_and_ends(place: Place) -> None:
    """With --drain a worker answers what is in the queue, then exits with 0."""
    place.inbox().send([{"MessageBody": str(number)} for number in range(25)])

    worker = place.worker("--drain")

    assert worker.process.wait(30) == 0
    assert place.is_empty()
    outbox = place.outbox()
    replies: List[Any] = []
    while len(replies) < 25:
        replies += take(outbox)
    assert sorted(json.loads(reply.body)["min"] for reply in replies) == list(range(25))


def test_an_idle_worker_costs_three_requests_a_minute(counted: Place, gateway: Gateway) -> None:
    """Ten seconds after the last message one long poll of 20 s is in flight, whatever the
    concurrency, and no CPU is used.
    """
    worker = counted.worker("--concurrency", "8")
    short = int(LIVELY / LIVELY_POLL)
    wait_until(lambda: gateway.counts["ReceiveMessage"] == short + 1)
    before, started = worker.cpu_seconds(), time.monotonic()

    wait_until(lambda: gateway.counts["ReceiveMessage"] == short + 2)

    seconds = time.monotonic() - started
    share = (worker.cpu_seconds() - before) / seconds
    print(f"idle: one request in {seconds:.1f} s, {share:.2%} of a core")
    assert seconds > 19
    assert share < 0.01


@pytest.mark.parametrize(("side", "floor", "most"), [("worker", 0.3, 0.36), ("client", 0.2, 0.36)])
def test_a_thousand_lists_cost_few_requests(
    counted: Place,
    gateway: Gateway,
    aws: LocalAws,
    tmp_path: Any,
    habits: bool,
    side: str,
    floor: float,
    most: float,
) -> None:
    """With one list per message both sides make 0.72 SQS and 0.12 S3 requests per list at most."""
    if (aws.kind, "load") in UNLIKE_AWS:
        pytest.skip(UNLIKE_AWS[aws.kind, "load"])
    count = 1000
    counted.worker(url="" if side == "worker" else aws.url)
    gateway.counts.clear()
    file = tmp_path / "lists.txt"
    file.write_text("".join(f"{number},1,2\n" for number in range(count)))

    url = counted.url if side == "client" else aws.url
    environment = {"AWS_ENDPOINT_URL": url}
    done = counted.client(
        "--file", str(file), "--json", environment=environment, module="tests.singly"
    )

    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == count
    print(f"{count} lists, the {side}'s side: {dict(gateway.counts)}")
    most += 0.03 if habits else 0  # short polls return less than there is
    assert floor <= gateway.of_service("sqs") / count <= most
    assert gateway.of_service("s3") / count <= 0.12


def test_ten_thousand_lists_that_share_messages_cost_next_to_nothing(
    counted: Place, gateway: Gateway, tmp_path: Any
) -> None:
    """Both sides make 0.01 SQS and 0.005 S3 requests per list at most."""
    count = 10_000
    counted.worker()
    gateway.counts.clear()
    file = tmp_path / "lists.txt"
    file.write_text("".join(f"{number},-17,100000,42\n" for number in range(count)))

    done = counted.client("--file", str(file), "--json")

    assert [json.loads(line)["median"] for line in done.stdout.splitlines()][100] == 71
    assert len(done.stdout.splitlines()) == count
    print(f"{count} lists together: {dict(gateway.counts)}")
    assert gateway.of_service("sqs") / count <= 0.01
    assert gateway.of_service("s3") / count <= 0.005
