"""Many lists in a message: whatever befalls it, each has one result, in order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

import pytest

from tests.conftest import Place, take, wait_until
from tests.faults.lists import PACKED, ask
from tests.faults.test_trouble import TROUBLE
from tests.gateway import Fault, Gateway
from tests.habits import Copies
from tests.mishaps import cut, delay, drop_answer, every_third, reset

MISHAPS: List[Fault] = [cut, reset, delay]
ACTIONS = ["SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch", "PutObject"]


SHORT = b"1,2,3\n" * 5_000_000  # lists, for the bucket
HOSTILE = {
    "1\n2": ["-1", "1e9", "1e999", "true", "null", "3", '"2"', "[" * 900 + "]" * 900],
    "\n" * 1_000_000: ["1000", "1000000"],
    "1\n" * 1001: ["1001"],
    "\U0001f600" * 70_000: ["1"],
}


def once_in_the_log(place: Place, count: int) -> bool:
    """Tell whether the log has the result of each list once."""
    logs = "".join(place.logs())
    return all(logs.count(f'"min": -1, "max": {number},') == 1 for number in range(count))


@pytest.mark.parametrize("mishap", MISHAPS, ids=["cut", "reset", "late"])
def test_connections_that_are_bad_now_and_then(
    counted: Place, gateway: Gateway, tmp_path: Path, mishap: Fault
) -> None:
    """With every third request cut off, reset or held up, all results are right."""
    counted.worker()
    gateway.faults.append(every_third(mishap))

    done = ask(counted, tmp_path, 300, client=PACKED)

    assert "Traceback" not in done.stderr
    gateway.faults.clear()
    wait_until(counted.is_empty)


@pytest.mark.parametrize("action", ACTIONS)
def test_answers_dropped_one_after_the_other(
    counted: Place, gateway: Gateway, tmp_path: Path, action: str
) -> None:
    """Many answers lost: none comes twice, and the log of a list holds what its reply says."""
    counted.worker("--visibility-timeout", "3")
    fault = drop_answer if action != "ReceiveMessage" else cut  # lost messages take their time
    gateway.spoil(action, every_third(fault))

    done = ask(counted, tmp_path, 300, client=PACKED)

    gateway.faults.clear()
    for line in done.stdout.splitlines()[::17]:
        answer = json.loads(line)
        assert f'"max": {answer["max"]},' in counted.read(answer["log"])


def test_all_trouble_at_once(counted: Place, gateway: Gateway, tmp_path: Path) -> None:
    """Throttled, failed in part, delivered twice, a token expired: none is missing."""
    counted.worker()
    for make in TROUBLE.values():
        gateway.faults += make()

    ask(counted, tmp_path, 150, client=PACKED)

    gateway.faults.clear()
    wait_until(counted.is_empty)


def test_what_is_delivered_again_is_answered_once(
    counted: Place, gateway: Gateway, tmp_path: Path
) -> None:
    """Messages that come again get no second answer, and their lists no second log entry."""
    counted.worker()
    gateway.faults.append(Copies(each=1))

    ask(counted, tmp_path, 300, client=PACKED)

    gateway.faults.clear()
    wait_until(counted.is_empty)
    assert once_in_the_log(counted, 300)


def test_packed_requests_made_to_harm_are_refused(place: Place) -> None:
    """Whatever they announce and hold, one sentence answers each, and the memory is not theirs."""
    worker = place.worker()
    place.s3.put_object(Bucket=place.settings.bucket, Key="payloads/x", Body=SHORT)
    before = worker.memory()
    for body, counts in HOSTILE.items():
        for count in counts:
            place.send(body, Parameters=f'{{"lists": {count}}}')
    place.send("in the bucket", Parameters='{"lists": 1000}', PayloadKey="payloads/x")
    expected = sum(map(len, HOSTILE.values())) + 1

    replies: List[Any] = []
    while len(replies) < expected:
        replies += take(place.outbox())

    assert {reply.text("Status") for reply in replies} == {"error"}
    assert all(len(reply.body) < 100 for reply in replies)
    peak = Path(f"/proc/{worker.process.pid}/status").read_text().split("VmHWM:")[1].split()[0]
    assert int(peak) * 1024 - before < 8 * len(SHORT)
    assert worker.process.poll() is None
    wait_until(place.is_empty)


def test_the_largest_replies_are_sent(place: Place) -> None:
    """A thousand refusals that quote what takes most bytes in JSON stay below SQS's limit."""
    place.worker()
    body = "\n".join(["\U0001f600" * 64] * 999)
    place.send(body, Parameters='{"lists": 999}')

    (reply,) = take(place.outbox())

    assert reply.text("Status") == "ok"
    assert [list(json.loads(line)) for line in reply.body.split("\n")] == [["error"]] * 999
