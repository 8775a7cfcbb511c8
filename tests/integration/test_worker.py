"""The worker keeps its promises: it refuses, keeps, releases, answers and counts as it should."""

import json
import time
from typing import Any, List

import pytest

from messaging.aws.queues import MAX_RECEIVE_COUNT
from messaging.wire import names
from messaging.worker.worker import LIVELY, LIVELY_POLL
from scripts.local_aws import LocalAws
from tests.conftest import UNLIKE_AWS, Place, take, wait_until
from tests.gateway import Gateway

SLOW = "tests.slow_worker"


def test_stopped_while_idle_leaves_the_next_message_visible(place: Place) -> None:
    """A message sent after SIGTERM to an idle worker is there for the next one at once."""
    worker = place.worker()
    worker.terminate()
    worker.wait_for("Stopping")

    place.send("3,1,2")

    assert worker.process.wait(25) == 0
    (delivery,) = place.inbox().receive(1, 1, 30)
    assert delivery.body == "3,1,2"


def test_stopped_while_busy_finishes_the_running_and_releases_the_rest(place: Place) -> None:
    """What runs is answered, what waits is visible before that is done, the exit code is 0."""
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
    """A worker that is told twice does not wait for what runs."""
    place.send("sleep 30")
    worker = place.worker(module=SLOW)
    wait_until(lambda: place.messages(place.inbox()).hidden)
    worker.terminate()
    worker.wait_for("Stopping")

    started = time.monotonic()
    worker.terminate()

    assert worker.process.wait(10) == 130
    assert time.monotonic() - started < 3


def test_a_long_job_is_kept_hidden_and_runs_once(place: Place) -> None:
    """A job of 4 s under a visibility timeout of 2 s is handled once, by one of two workers."""
    place.send("sleep 4")

    workers = [place.worker("--visibility-timeout", "2", module=SLOW) for _ in range(2)]

    (reply,) = take(place.outbox())
    assert json.loads(reply.body)["process"] in [worker.process.pid for worker in workers]
    wait_until(lambda: place.is_empty())
    assert len(place.logs()) == 1
    assert take(place.outbox(), wait=1) == []


def test_poison_is_kept_for_the_operator_and_told_to_the_client(place: Place) -> None:
    """What fails each time leaves the others alone and ends in the dead-letter queue."""
    poison = place.send("fail")
    place.send("sleep 0")
    place.worker("--visibility-timeout", "1", module=SLOW)

    (good,) = take(place.outbox())
    (bad,) = take(place.outbox())

    assert json.loads(good.body)["did"] == "sleep 0"
    assert bad.text("CorrelationId") == poison
    assert f"the worker failed {MAX_RECEIVE_COUNT} times" in bad.body
    dead = place.inbox().sibling(f"{place.settings.input_queue}-dead-letter")
    (delivery,) = wait_until(lambda: dead.receive(1, 1, 30))
    assert delivery.body == "fail"


def test_a_crash_repeats_the_work_and_loses_nothing(place: Place) -> None:
    """A request whose worker died is answered by the next one."""
    place.send("sleep 5")
    worker = place.worker("--visibility-timeout", "2", module=SLOW)
    wait_until(lambda: place.messages(place.inbox()).hidden)
    worker.process.kill()

    second = place.worker(module=SLOW)

    (reply,) = take(place.outbox())
    assert json.loads(reply.body)["process"] == second.process.pid


def test_reply_queues_that_are_gone_do_not_hold_the_worker(place: Place) -> None:
    """Behind forty requests of a client that is gone the next one is answered at once."""
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
    """With --drain a worker answers what is there, then ends with 0."""
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
    """However many lanes wait, ten seconds after the last message one long poll of 20 s is under
    way, and no CPU is used."""
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
    """A list in a message of its own costs both sides 0.72 SQS and 0.12 S3 requests at most."""
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
    most += 0.03 if habits else 0  # polls that do not wait give less than there is
    assert floor <= gateway.of_service("sqs") / count <= most
    assert gateway.of_service("s3") / count <= 0.12


def test_ten_thousand_lists_that_share_messages_cost_next_to_nothing(
    counted: Place, gateway: Gateway, tmp_path: Any
) -> None:
    """Both sides together take 0.01 SQS requests a list and 0.005 S3 requests, or fewer."""
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
