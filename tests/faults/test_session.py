"""A session that lasts longer than any timeout is as good at its end as at its beginning."""

from __future__ import annotations

import itertools
import json
import subprocess
import sys
import threading
import time
from typing import IO, Iterator

import pytest

from messaging import Request, Requester
from tests.conftest import ROOT, Place, wait_until

SECONDS = 180


@pytest.fixture(autouse=True)
def _only_in_full(full: bool) -> None:
    """Skip the suite where nobody has asked for it."""
    if not full:
        pytest.skip("takes three minutes: with --faults only")


def numbers() -> Iterator[int]:
    """Count for as long as the session lasts."""
    end = time.monotonic() + SECONDS
    return itertools.takewhile(lambda _: time.monotonic() < end, itertools.count())


def test_lists_in_messages_of_their_own(place: Place) -> None:
    """Each list that is sent at full speed has its own result, in order, and nothing is left."""
    worker, count = place.worker(), 0
    with Requester(place.connection) as requester:
        for reply in requester.ask((Request(f"{number},-1") for number in numbers()), 60):
            assert json.loads(reply.body)["max"] == count
            count += 1

    print(f"{count} lists in {SECONDS} s")
    assert count > SECONDS
    wait_until(place.is_empty)
    assert worker.process.poll() is None


def test_lists_that_share_messages(place: Place) -> None:
    """A pipe that is never empty has each line answered, in order, and nothing is left."""
    worker, count = place.worker(), 0
    client = subprocess.Popen(
        [sys.executable, "-m", "calculation.client", "--json", "--file", "-"],
        cwd=ROOT,
        env=place.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    )
    assert client.stdin
    assert client.stdout
    feeder = threading.Thread(target=feed, args=(client.stdin,))
    feeder.start()
    for line in client.stdout:
        assert json.loads(line)["max"] == count
        count += 1
    feeder.join()

    print(f"{count} lists in {SECONDS} s")
    assert client.wait(60) == 0
    assert count > SECONDS
    wait_until(place.is_empty)
    assert worker.process.poll() is None


def feed(pipe: IO[str]) -> None:
    """Write lists into a pipe for as long as the session lasts."""
    with pipe:
        for number in numbers():
            pipe.write(f"{number},-1\n")
