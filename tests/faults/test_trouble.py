"""AWS may throttle, fail in part, and deliver twice: results stay right, and costs bounded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Callable, Dict, List

import pytest

from messaging import Connection
from scripts.local_aws import LocalAws
from tests.conftest import Place, wait_until
from tests.faults.lists import CLIENTS, ask
from tests.gateway import Fault, Gateway
from tests.habits import Copies
from tests.mishaps import (
    deliver_twice,
    every_third,
    expired,
    fail_an_entry,
    on,
    once,
    throttled,
)
from tests.plain import open_queue

# Made anew for each test, since some have state.
TROUBLE: Dict[str, Callable[[], List[Fault]]] = {
    "throttled": lambda: [every_third(throttled)],
    "entries failed": lambda: [on("Batch", fail_an_entry)],
    "delivered twice": lambda: [on("ReceiveMessage", deliver_twice)],
    "token expired": lambda: [once(on("ReceiveMessage", expired))],
}


def test_trouble_costs_few_requests_more(
    counted: Place, gateway: Gateway, aws: LocalAws, tmp_path: Path
) -> None:
    """Results are right at 1.5 times the requests, with an entry failed in every batch call, each
    message twice in a receive, or an expired token; with every third request throttled, where
    repeating each is 1.5 by itself, at 1.75 times.
    """
    count = 1000
    counted.worker()
    past_the_gateway = Connection(replace(counted.settings, endpoint_url=aws.url))
    inbox = open_queue(past_the_gateway.sqs, counted.settings.input_queue)

    def requests() -> int:
        gateway.counts.clear()
        ask(counted, tmp_path, count)
        wait_until(lambda: not any(counted.messages(inbox)))
        return sum(gateway.counts.values())

    calm = requests()
    for name, make in TROUBLE.items():
        faults = make()
        gateway.faults += faults
        # Pauses are random, so the throttled requests are counted twice.
        worst = (requests() + requests()) / 2 if name == "throttled" else requests()
        gateway.faults = [fault for fault in gateway.faults if fault not in faults]

        print(f"{count} lists, {name}: {calm} requests, then {worst:g}: {worst / calm:.2f}")
        assert worst <= (1.75 if name == "throttled" else 1.5) * calm


@pytest.mark.parametrize(("client", "count"), CLIENTS)
def test_all_trouble_at_once(
    counted: Place, gateway: Gateway, tmp_path: Path, client: str, count: int
) -> None:
    """With all of it at the same time results are right, and none is missing."""
    counted.worker()
    for make in TROUBLE.values():
        gateway.faults += make()

    ask(counted, tmp_path, count, client=client)

    gateway.faults.clear()
    wait_until(counted.is_empty)


@pytest.mark.parametrize(("client", "count"), CLIENTS)
def test_what_is_delivered_again_after_it_was_answered_is_only_deleted(
    counted: Place, gateway: Gateway, tmp_path: Path, client: str, count: int
) -> None:
    """Messages delivered again after their answer get no second answer or log entry."""
    counted.worker()
    gateway.faults.append(Copies(each=1))

    ask(counted, tmp_path, count, client=client)

    gateway.faults.clear()
    wait_until(counted.is_empty)
    logs = "".join(counted.logs())
    for number in range(count):
        assert logs.count(f'"min": -1, "max": {number},') == 1
