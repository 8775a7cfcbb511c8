"""Many lists in one message, as a user sees it."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, Iterator, List

import pytest

from tests.acceptance.typist import Typist
from tests.conftest import ROOT, Place, take
from tests.gateway import Gateway

CLIENT = [sys.executable, "-m", "calculation.client"]


@pytest.fixture
def piped(place: Place) -> Iterator[Any]:
    """A client that reads its lists from a pipe that stays open."""
    process = subprocess.Popen(
        [*CLIENT, "--file", "-", "--json", "--timeout", "2"],
        cwd=ROOT,
        env=place.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    yield process
    process.kill()
    process.communicate()


def test_hundreds_of_arguments_share_a_few_messages(counted: Place, gateway: Gateway) -> None:
    """Each list is answered or refused in its place, and the log lists each by its number."""
    sent: List[int] = []
    gateway.spoil("SendMessageBatch", lambda call: sent.append(len(call.entries)))
    counted.worker()
    lists = [f"{number},-1" for number in range(300)]
    lists[7] = "1,a"

    done = counted.client(*lists, "--json")

    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert answers.pop(7) == {"error": "item 2, 'a', is not an integer"}
    assert [answer["max"] for answer in answers] == [n for n in range(300) if n != 7]
    assert sum(sent) == 2, "the request and its reply"
    log = counted.read(answers[0]["log"])
    assert log.count("received") == 1
    assert "note      299 lists\n" in log
    assert 'result 1    {"count": 2, "min": -1, "max": 0,' in log
    assert 'result 299  {"count": 2, "min": -1, "max": 299,' in log


def test_a_refusal_by_the_worker_is_that_of_one_list(place: Place) -> None:
    """Lists that another client packed are answered and logged one by one."""
    place.worker()
    place.send("1,2\n1,x\n3", Parameters='{"lists": 3}')

    (reply,) = take(place.outbox())

    assert reply.text("Status") == "ok"
    first, second, third = map(json.loads, reply.body.split("\n"))
    assert (first["max"], third["max"]) == (2, 3)
    assert second == {"error": "item 2, 'x', is not an integer"}
    assert 'result 2    {"error": "item 2, \'x\', is not an integer"}' in place.logs()[0]


def test_a_slow_pipe_has_each_list_answered_at_once(place: Place, piped: Any) -> None:
    """A list from a pipe does not wait for the next, nor does Ctrl-C or a timeout."""
    place.worker()
    for number in range(3):
        piped.stdin.write(b"%d\n" % number)
        piped.stdin.flush()
        assert json.loads(piped.stdout.readline())["max"] == number
    time.sleep(2.5)  # no reply is awaited, so nothing times out
    assert piped.poll() is None

    piped.send_signal(signal.SIGINT)

    assert piped.wait(2) == 130
    assert b"Traceback" not in piped.stderr.read()


def test_the_timeout_counts_while_the_pipe_stays_open(place: Place, piped: Any) -> None:
    """Without a worker the client ends in time, even if more lists may come."""
    piped.stdin.write(b"1,2\n")
    piped.stdin.flush()

    assert piped.wait(10) == 3
    assert b"no reply in 2 s" in piped.stderr.read()


def test_a_worker_that_knows_no_packed_lists_gets_them_singly(place: Place) -> None:
    """All lists are answered by an old worker, and one line says what happened."""
    worker = subprocess.Popen(
        [sys.executable, "-m", "tests.old_worker"],
        cwd=ROOT,
        env=place.environment,
        stderr=subprocess.DEVNULL,
    )
    lists = [str(number) for number in range(2000)]

    done = ask(place, lists)
    worker.kill()
    worker.wait()

    assert [json.loads(line)["max"] for line in done.stdout.splitlines()] == list(range(2000))
    assert done.stderr.count("now one list a message") == 1
    assert done.returncode == 0


def ask(place: Place, lists: List[str]) -> Any:
    """Have lists answered from a pipe."""
    return place.client("--file", "-", "--json", input="".join(f"{each}\n" for each in lists))


def test_what_a_foreign_worker_says_costs_no_other_list(place: Place) -> None:
    """A reply that is no summary refuses only its list; unknown keys and no log are not shown."""
    bodies = {
        "1": "Min 1 Max 1",
        "2": '{"count": 1, "min": 2, "max": 2, "median": 2, "mean": 2, "mode": 2}',
        "3": '{"min": 3}',
    }
    inbox = place.inbox()

    def answer() -> None:
        missing = set(bodies)
        while missing:
            for request in take(inbox):
                text = {"CorrelationId": request.text("CorrelationId"), "Status": "ok"}
                attributes = {
                    name: {"DataType": "String", "StringValue": value}
                    for name, value in text.items()
                }
                inbox.sibling(str(request.text("ReplyTo"))).send(
                    [{"MessageBody": bodies[request.body], "MessageAttributes": attributes}]
                )
                missing.discard(request.body)

    foreign = threading.Thread(target=answer)
    foreign.start()
    done = place.client("1", "2", "3")
    foreign.join()

    assert done.returncode == 1
    assert done.stdout.splitlines() == [
        "list 2",
        "  count   1",
        "  min     2",
        "  max     2",
        "  median  2",
        "  mean    2",
    ]
    assert "list 1: refused: the reply is no summary: 'Min 1 Max 1'\n" in done.stderr
    assert "list 3: refused: the reply is no summary: '{\"min\": 3}'\n" in done.stderr


def test_a_file_of_another_program_is_answered(place: Place, tmp_path: Path) -> None:
    """PowerShell's UTF-16, CRLF, brackets and trailing blank lines are understood."""
    place.worker()
    file = tmp_path / "lists.txt"
    file.write_bytes("[3, 1, 2]\r\n-5,\u00a07\r\n\r\n\r\n".encode("utf-16"))

    done = place.client("--file", str(file), "--json")

    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["min"] for line in done.stdout.splitlines()] == [1, -5]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("9,9 --file README.md", "not both"),
        ("--file ''", "cannot read ''"),
        ("--file none.txt", "cannot read none.txt: No such file"),
        ("--file tests", "cannot read tests: Is a directory"),
        ("--file - <&-", "standard input is closed"),
    ],
)
def test_input_that_cannot_be_is_a_usage_error(place: Place, arguments: str, said: str) -> None:
    """One line says what is wrong with the input, and the exit code is 2."""
    done = subprocess.run(
        f"{' '.join(CLIENT)} {arguments}",
        shell=True,
        cwd=ROOT,
        env=place.environment,
        stderr=subprocess.PIPE,
        text=True,
    )

    assert done.returncode == 2
    assert said in done.stderr.splitlines()[-1]


def test_a_line_that_a_terminal_cuts_is_refused_plainly(place: Place) -> None:
    """A line that the terminal cuts is refused with advice, after those before it were answered."""
    place.worker()
    typist = Typist(place, *CLIENT[1:], "--file", "-", "--json", echo=False)
    typist.answers("", "3,1,2", "\n")
    typist.answers('"median": 2', "1," * 4000 + "1", "\n")

    typist.reads("a terminal cuts a line after 4,095 characters")
    typist.reads("--file PATH")
    assert typist.ends() == 1
