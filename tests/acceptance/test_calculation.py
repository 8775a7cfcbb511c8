"""The calculation pair as a user sees it."""

import json
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest

from scripts.local_aws import LocalAws
from tests.acceptance.typist import CHOICE, LIST, Typist
from tests.conftest import ROOT, Place, take, wait_until


def test_menu_sends_a_list_and_comes_again(place: Place) -> None:
    """1 and a list show its summary and log, then the menu again; 2 exits with 0."""
    place.worker()
    menu = Typist(place)
    menu.answers(CHOICE, "1")
    menu.answers(LIST, "3,1,2")
    menu.reads("Waiting for the reply")
    summary = r"count +3\s+min +1\s+max +3\s+median +2\s+mean +2\s+log +(logs/calculation/\S+)"
    key = menu.matches(summary)[1]
    menu.answers(CHOICE, "2")

    assert menu.ends() == 0
    assert "3 numbers" in place.read(key)


@pytest.mark.parametrize("typed", ["", "1\n"], ids=["at the menu", "at the list"])
def test_end_of_input_quits(place: Place, typed: str) -> None:
    """At the end of input the menu exits with 0."""
    assert place.client(input=typed).returncode == 0


def test_lists_as_arguments_give_json_lines_in_order(place: Place) -> None:
    """Standard output holds one JSON object per list, in order, and nothing else."""
    place.worker()

    done = place.client("3,1,2", "-5,7", "--json")

    first, second = map(json.loads, done.stdout.splitlines())
    assert done.returncode == 0, done.stderr
    assert list(first) == ["count", "min", "max", "median", "mean", "log"]
    assert list(first.values())[:5] == [3, 1, 3, 2, 2.0]
    assert list(second.values())[:5] == [2, -5, 7, 1, 1.0]
    assert first["log"].startswith("logs/calculation/")


def test_a_refused_list_leaves_the_others_alone(place: Place) -> None:
    """A bad list gets an error line, the others are answered, and the exit code is 1."""
    place.worker()

    done = place.client("1", "1,,2", "2", "--json")

    lines = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert [line.get("min") for line in lines] == [1, None, 2]
    assert lines[1] == {"error": "item 2 is empty"}


def test_file_keeps_order_and_shows_progress(place: Place, aws: LocalAws, tmp_path: Path) -> None:
    """Ten thousand lines are answered in order, with a progress bar; the bad one is reported."""
    count = 10_000 if aws.kind == "ministack" else 300
    place.worker()
    file = tmp_path / "lists.txt"
    lines = [f"{number},{random.randint(0, number)}" for number in range(count)]
    lines[count // 2] = "1,a,3"
    file.write_text("\n".join(lines) + "\n")
    results = tmp_path / "results.jsonl"
    command = f"{sys.executable} -m calculation.client --file {file} --json > {results}"

    child = pexpect.spawn(
        "sh", ["-c", command], cwd=str(ROOT), env=place.environment, encoding="utf-8", timeout=200
    )
    child.expect(f"/{count} ")
    child.expect(pexpect.EOF)
    child.wait()

    answers = [json.loads(line) for line in results.read_text().splitlines()]
    assert child.exitstatus == 1
    assert answers.pop(count // 2) == {"error": "item 2, 'a', is not an integer"}
    wanted = [number for number in range(count) if number != count // 2]
    assert [answer["max"] for answer in answers] == wanted


def test_standard_input_is_a_file_too(place: Place) -> None:
    """With --file - lists are read from a pipe."""
    place.worker()

    done = place.client("--file", "-", "--json", input="1,2\n3\n")

    assert [json.loads(line)["max"] for line in done.stdout.splitlines()] == [2, 3]


def test_no_worker_ends_with_3_and_advice(place: Place) -> None:
    """Without a reply in time the client exits with 3 and says what to check."""
    done = place.client("3,1,2", "--timeout", "1.5")

    assert done.returncode == 3
    assert "no reply in 1.5 s: check that a worker runs" in done.stderr
    assert place.settings.input_queue in done.stderr
    assert "Traceback" not in done.stderr


def test_a_list_of_megabytes_travels_through_the_bucket(place: Place, tmp_path: Path) -> None:
    """A list too long for SQS is answered like any other, and is stored under payloads/."""
    place.worker()
    file = tmp_path / "long.txt"
    file.write_text(",".join(map(str, range(700_000))) + "\n")

    done = place.client("--file", str(file), "--json")

    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["max"] == 699_999
    assert len(place.keys("payloads/")) == 1


def test_the_client_leaves_no_queue_behind(place: Place) -> None:
    """The reply queue is deleted after a result, a timeout, an interrupt and a termination."""

    def queues() -> Any:
        prefix = f"{place.settings.output_queue}-"
        return place.sqs.list_queues(QueueNamePrefix=prefix).get("QueueUrls", [])

    place.client("1", "--timeout", "1")
    assert queues() == []

    for number in (signal.SIGINT, signal.SIGTERM):
        command = [sys.executable, "-m", "calculation.client", "1"]
        process = subprocess.Popen(
            command, cwd=ROOT, env=place.environment, stderr=subprocess.DEVNULL
        )
        wait_until(queues)
        process.send_signal(number)

        assert process.wait(10) == 130
        assert queues() == []


def test_log_tells_of_each_job(place: Place) -> None:
    """A job's log has its sender, time, count, result or refusal, duration and worker."""
    worker = place.worker()
    place.client("3,1,2")
    place.inbox().send([{"MessageBody": "1,a\nresult forged"}])
    wait_until(lambda: len(place.logs()) == 2)

    good, bad = sorted(place.logs(), key=lambda text: "refused" in text)
    for text in (good, bad):
        assert "received  20" in text
        assert "delivery 1 of message " in text
        assert " from " in text
        assert " ms by " in text
        assert f"-{worker.process.pid}" in text
    assert "note      3 numbers" in good
    assert 'result    {"count": 3, "min": 1, "max": 3, "median": 2, "mean": 2.0}' in good
    assert "refused   item 2, 'a\\nresult forged', is not an integer" in bad


def test_a_message_typed_by_hand_is_answered(place: Place) -> None:
    """A bare body in the input queue is answered in the output queue, under its message id."""
    sent = place.sqs.send_message(QueueUrl=place.inbox().url, MessageBody="3,1,2")
    place.worker()

    (reply,) = take(place.outbox())

    assert json.loads(reply.body)["median"] == 2
    assert reply.text("Status") == "ok"
    assert reply.text("CorrelationId") == sent["MessageId"]
