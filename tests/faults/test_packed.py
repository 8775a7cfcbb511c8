"""Many lists in a message: whatever befalls it, each has one result, in order."""

from __future__ import annotations

import json
from pathlib import Path
from typing import List

import pytest

from tests.conftest import Place, wait_until
from tests.faults.lists import PACKED, ask
from tests.faults.test_trouble import TROUBLE
from tests.gateway import Fault, Gateway
from tests.mishaps import DeliverAgain, cut, delay, drop_answer, every_third, on, reset

MISHAPS: List[Fault] = [cut, reset, delay]
ACTIONS = ["SendMessageBatch", "ReceiveMessage", "DeleteMessageBatch", "PutObject"]


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

    ask(counted, tmp_path, 300, client=PACKED)

    gateway.faults.clear()
    wait_until(counted.is_empty)


def test_what_is_delivered_again_is_answered_once(
    counted: Place, gateway: Gateway, tmp_path: Path
) -> None:
    """Messages that come again get no second answer, and their lists no second log entry."""
    counted.worker()
    gateway.faults.append(on("ReceiveMessage", DeliverAgain()))

    ask(counted, tmp_path, 300, client=PACKED)

    gateway.faults.clear()
    wait_until(counted.is_empty)
    assert once_in_the_log(counted, 300)
