"""Clients that ask at the same time receive their own replies, and nobody else's."""

from __future__ import annotations

import json
import threading
import time
from typing import Any, List, Optional

from messaging import Connection, Reply, Request, Requester
from scripts.local_aws import LocalAws
from tests.conftest import Place
from tests.gateway import Gateway


def ask_at_once(place: Place, clients: int, lists: int, shared: Optional[str]) -> List[Any]:
    """Have each client send its lists; return the maxima that each received."""
    heard: List[Any] = [None] * clients

    def session(number: int) -> None:
        with Requester(Connection(place.settings), shared) as requester:
            items = [Request(f"{number * 1000 + index},0") for index in range(lists)]
            replies = requester.ask(items, 300)
            heard[number] = [json.loads(reply.body)["max"] for reply in replies]

    threads = [threading.Thread(target=session, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return heard


def expected(clients: int, lists: int) -> List[Any]:
    """Return what each client should receive."""
    return [[number * 1000 + index for index in range(lists)] for number in range(clients)]


def test_private_queues_never_cross(place: Place, full: bool) -> None:
    """Many clients at once each receive exactly their own results."""
    clients, lists = (20, 50) if full else (10, 20)
    place.worker()

    assert ask_at_once(place, clients, lists, None) == expected(clients, lists)


def test_a_shared_queue_never_crosses_and_never_spins(
    counted: Place, gateway: Gateway, aws: LocalAws, full: bool
) -> None:
    """With an orphan in a shared queue results are right, at under 2 requests/s per client."""
    clients, lists = (20, 50) if full else (4, 10)
    counted.worker(url=aws.url)
    counted.outbox().send([Reply("orphan", "nobody").to_message()])
    gateway.counts.clear()
    started = time.monotonic()

    heard = ask_at_once(counted, clients, lists, counted.settings.output_queue)

    rate = sum(gateway.counts.values()) / (time.monotonic() - started) / clients
    print(f"{clients} clients on one queue: {rate:.2f} requests a second each")
    assert heard == expected(clients, lists)
    assert rate < 2 or time.monotonic() - started < 10  # in a short session the sends count, too
