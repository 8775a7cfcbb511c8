"""A network may be cut, stall and recover: the programs go on by themselves."""

from __future__ import annotations

import threading
import time
from pathlib import Path
from typing import Any, List

import pytest

from scripts.local_aws import LocalAws
from tests.conftest import Place, Running, wait_until
from tests.faults.lists import CLIENTS, ask
from tests.gateway import Call, Fault, Gateway
from tests.mishaps import cut, delay, every_third, reset


@pytest.mark.parametrize(("client", "count"), CLIENTS)
@pytest.mark.parametrize("mishap", [cut, reset, delay], ids=["cut", "reset", "late"])
def test_connections_that_are_bad_now_and_then(
    counted: Place, gateway: Gateway, tmp_path: Path, mishap: Fault, client: str, count: int
) -> None:
    """With every third request cut off, reset or delayed, all results are right."""
    counted.worker()
    gateway.faults.append(every_third(mishap))

    done = ask(counted, tmp_path, count, client=client)

    assert "Traceback" not in done.stderr
    gateway.faults.clear()
    wait_until(counted.is_empty)


def idle_share(worker: Running, seconds: float) -> float:
    """Return the share of a core that a worker uses."""
    before = worker.cpu_seconds()
    time.sleep(seconds)
    return (worker.cpu_seconds() - before) / seconds


def test_a_connection_that_is_cut_and_comes_back(
    counted: Place, gateway: Gateway, full: bool, tmp_path: Path
) -> None:
    """Worker and client report an outage once, idle meanwhile, and go on within 30 s after it."""
    outage, count = 60 if full else 8, 3000
    worker = counted.worker("--visibility-timeout", "5")
    done: List[Any] = []
    client = threading.Thread(
        target=lambda: done.append(ask(counted, tmp_path, count, timeout="150"))
    )
    client.start()
    wait_until(lambda: gateway.counts["SendMessageBatch"] > 10)

    gateway.faults.append(cut)
    time.sleep(2)
    share = idle_share(worker, outage - 2)
    gateway.faults.clear()
    restored = time.monotonic()
    client.join(30 + 60)
    seconds = time.monotonic() - restored

    print(
        f"cut for {outage} s: all answered {seconds:.1f} s after, worker at {share:.1%} of a core"
    )
    assert done, "the client did not go on"
    assert share < 0.05
    lines = [line for line in done[0].stderr.splitlines() if "Cannot" in line]
    assert len(lines) == 1, lines


def test_a_server_that_stops_and_starts(
    counted: Place, gateway: Gateway, aws: LocalAws, full: bool, tmp_path: Path
) -> None:
    """When the server is back with its state, all programs go on by themselves."""
    if not full:
        pytest.skip("the server takes 20 s to stop: with --faults only")
    server = LocalAws(aws.kind, tmp_path / "state")
    with server:
        gateway.upstream = server.url.rsplit("/", 1)[1]
        counted.worker("--visibility-timeout", "5")
        done: List[Any] = []
        client = threading.Thread(
            target=lambda: done.append(ask(counted, tmp_path, 3000, timeout="150"))
        )
        client.start()
        wait_until(lambda: gateway.counts["SendMessageBatch"] > 10)

        server.stop()
        assert server.start(int(server.url.rsplit(":", 1)[1]))
        restored = time.monotonic()
        client.join(30 + 60)

    print(f"stopped and started: all answered {time.monotonic() - restored:.1f} s after")
    assert done, "the client did not go on"


def test_a_network_that_swallows_answers(
    counted: Place, gateway: Gateway, full: bool, tmp_path: Path
) -> None:
    """Polls that are never answered end after the read timeout of 30 s."""
    if not full:
        pytest.skip("takes the read timeout of 30 s: with --faults only")
    counted.worker("--visibility-timeout", "5")
    healed = threading.Event()

    def stall(call: Call) -> None:
        healed.wait(120)
        raise OSError

    gateway.spoil("ReceiveMessage", stall, times=2)
    started = time.monotonic()
    ask(counted, tmp_path, 100, timeout="150")
    seconds = time.monotonic() - started
    healed.set()

    print(f"polls swallowed: all answered {seconds:.1f} s after")
    assert seconds < 60
