"""Workers and clients that die at any moment lose nothing and mix up nothing."""

from __future__ import annotations

import contextlib
import json
import random
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Dict, Iterator, List

import pytest
from PIL import Image

from messaging import Connection, Request, Requester, WorkerOptions
from messaging.aws import sweeping
from scripts.local_aws import LocalAws
from tests.conftest import ROOT, Place, Running, take, wait_until
from tests.faults.lists import LONG, PACKED, SINGLY
from tests.plain import DEAD_LETTER

RUN_TIME = 5  # seconds that a list takes at most, on a machine this busy
VISIBILITY = 5  # seconds


@contextlib.contextmanager
def dying_workers(place: Place, command: List[str], kills: int) -> Iterator[threading.Event]:
    """Keep three workers running and kill one per second; the event is set after the last."""
    enough, over = threading.Event(), threading.Event()
    workers: List[Running] = []

    def start() -> Running:
        return Running([sys.executable, "-m", *command], place.environment)

    def reads(worker: Running) -> bool:
        return " reads " in worker.said()

    def kill_and_restart() -> None:
        for _ in range(kills):
            if over.wait(random.uniform(0.5, 1.5)):
                return
            # Where a start takes longer than the time between two kills, no work would be done.
            wait_until(lambda: over.is_set() or any(map(reads, workers[1:])), 120)
            killed = workers.pop(0)
            killed.process.kill()
            killed.process.wait()
            workers.append(start())
            random.shuffle(workers)
        enough.set()

    workers.extend(start() for _ in range(3))
    killer = threading.Thread(target=kill_and_restart)
    killer.start()
    try:
        yield enough
    finally:
        over.set()
        killer.join()
        for worker in workers:
            worker.process.kill()
            worker.process.wait()


def never_handled(place: Place) -> List[str]:
    """Return the dead letters that no worker has logged.

    One whose worker was killed between reply and deletion is handled again. If its client has
    ended, the reply is tried for a minute, in which five more workers may be killed.
    """
    queue = place.inbox().sibling(place.settings.input_queue + DEAD_LETTER)
    dead = [each.message_id for some in iter(lambda: queue.take(wait=1), []) for each in some]
    log = "".join(place.logs())
    return [each for each in dead if f"message {each} " not in log]


def test_killed_workers_lose_and_cross_nothing(place: Place, full: bool, tmp_path: Path) -> None:
    """Clients get their right results once, in order, within a visibility timeout and the run time,
    while workers are killed.
    """
    place.inbox()
    count = 250 if full else 60
    longest: List[float] = []
    results: List[List[Any]] = [[] for _ in range(2)]

    def ask_one_by_one(number: int, enough: threading.Event) -> None:
        with Requester(Connection(place.settings)) as requester:
            index = 0
            while index < count or not enough.is_set():
                started = time.monotonic()
                (reply,) = requester.ask([Request(f"{number},{index},1000000")], 120)
                longest.append(time.monotonic() - started)
                results[number].append(json.loads(reply.body)["median"] == max(number, index))
                index += 1

    def ask_in_bulk(number: int, client: str, end: str) -> None:
        file = tmp_path / f"{number}.txt"
        file.write_text("".join(f"{number},{index}{end}\n" for index in range(count * 2)))
        done = place.client("--file", str(file), "--json", timeout=600, module=client)
        maxima = [json.loads(line)["max"] for line in done.stdout.splitlines()]
        bulk[number] = maxima == [max(number, index) for index in range(count * 2)]

    bulk: Dict[int, bool] = {}
    with dying_workers(place, ["calculation.worker"], 200 if full else 8) as enough:
        threads = [threading.Thread(target=ask_one_by_one, args=(n, enough)) for n in range(2)]
        bulks = (2, SINGLY, ""), (3, PACKED, LONG)
        threads += [threading.Thread(target=ask_in_bulk, args=each) for each in bulks]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    print(f"{len(longest)} one by one, longest wait {max(longest):.1f} s")
    assert bulk == {2: True, 3: True}
    assert all(results[0])
    assert all(results[1])
    assert min(map(len, results)) >= count
    assert never_handled(place) == []
    assert max(longest) < WorkerOptions().visibility_timeout + RUN_TIME


def test_killed_image_workers_answer_each_image(place: Place, full: bool, tmp_path: Path) -> None:
    """Each image gets its own result while workers are killed."""
    place.inbox()
    count = 40 if full else 12
    for number in range(count):
        Image.new("L", (600, 600), number).save(tmp_path / f"{number:02}.png")
    command = ["image.worker", "gamma", "--gamma", "1", "--visibility-timeout", str(VISIBILITY)]

    rounds = 0
    with dying_workers(place, command, 200 if full else 4) as enough:
        while not rounds or not enough.is_set():
            rounds += 1
            done = place.client(
                *[f"{number:02}.png" for number in range(count)],
                "--json",
                "--output-dir",
                str(rounds),
                module="image.client",
                cwd=tmp_path,
            )
            assert done.returncode == 0, done.stderr

    print(f"{count} images, {rounds} times")
    for result in tmp_path.glob("*/*processed.png"):
        with Image.open(result) as image:
            assert image.getpixel((0, 0)) == int(result.name[:2])
    assert len(list(tmp_path.glob("*/*processed.png"))) == count * rounds
    assert never_handled(place) == []


def test_each_answer_has_one_log_entry_of_its_delivery(place: Place, full: bool) -> None:
    """Even if workers are killed, each delivery that was answered is logged exactly once."""
    count = 400 if full else 60
    inbox, outbox = place.inbox(), place.outbox()
    options = ["calculation.worker", "--visibility-timeout", "2"]
    replies: Dict[str, Any] = {}
    with dying_workers(place, options, 30 if full else 5) as enough:
        for first in range(0, count, 10):
            inbox.send([{"MessageBody": str(first + number)} for number in range(10)])
        give_up = time.monotonic() + (600 if full else 90)
        while len(replies) < count or not enough.is_set():
            assert time.monotonic() < give_up, f"{count - len(replies)} requests have no reply"
            for reply in take(outbox, wait=2):
                replies[str(reply.text("CorrelationId"))] = reply

    for message_id, reply in replies.items():
        entries = place.read(reply.text("LogKey")).split("\n\n")
        assert sum(f"message {message_id} " in entry for entry in entries) == 1
        assert reply.text("Status") == "ok"
    everything = "".join(place.logs())
    headers = [line for line in everything.splitlines() if line.startswith("received")]
    deliveries = [header[header.index("delivery") :] for header in headers]
    assert len(deliveries) == len(set(deliveries))


def test_a_killed_client_does_no_harm_and_is_swept(place: Place, aws: LocalAws) -> None:
    """The worker goes on, and the orphaned queue is swept at its age, not before."""
    client = subprocess.Popen(
        [sys.executable, "-m", "calculation.client", "1"],
        cwd=ROOT,
        env=place.environment,
        stderr=subprocess.DEVNULL,
    )
    prefix = f"{place.settings.output_queue}-"
    listed: Any = wait_until(lambda: place.sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls"))
    client.send_signal(signal.SIGKILL)
    client.wait()
    place.worker()

    assert place.client("3,1,2").returncode == 0

    def sweep(hours: float) -> List[str]:
        return [queue.url for queue, _ in sweeping.sweep(place.sqs, place.outbox().name, hours)]

    assert sweep(48) == []
    place.sqs.purge_queue(QueueUrl=listed[0])
    assert sweep(-1) == listed
    assert place.outbox()
    assert place.inbox()


@pytest.mark.parametrize("round_", range(2))
def test_shutdown_under_load_leaves_nothing_in_flight(
    place: Place, full: bool, round_: int
) -> None:
    """SIGTERM at any moment under load exits with 0 in time and leaves no message in flight."""
    inbox = place.inbox()
    for _ in range(25 if full else 2):
        inbox.send([{"MessageBody": f"sleep 0.{n % 10}"} for n in range(30)])
        worker = place.worker("--concurrency", "3", module="tests.slow_worker")
        time.sleep(random.uniform(0, 1))  # at a random moment
        started = time.monotonic()
        worker.terminate()

        assert worker.process.wait(25) == 0
        assert time.monotonic() - started < 21 + 1
        assert place.messages(inbox).hidden == 0
