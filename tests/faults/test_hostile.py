"""Malicious messages are answered or refused, and leave no trace in the worker."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any, Dict, List, NamedTuple

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from tests.conftest import Place, Running, take, wait_until
from tests.faults.lists import SINGLY
from tests.gateway import Gateway
from tests.plain import DEAD_LETTER

MEBIBYTE = 1 << 20  # bytes
LEGAL = st.characters(blacklist_categories=["Cs", "Cc"], blacklist_characters="\ufffe\uffff")
TEXT = st.one_of(
    st.text(LEGAL, min_size=1, max_size=200),
    st.sampled_from(["1,2", "x" * 200_000, "[" * 50_000, "9" * 301, "1," * 50_000 + "1"]),
)
STRINGS = st.one_of(
    TEXT.map(lambda text: text[:60_000]),
    st.sampled_from(["NaN", '{"operation": NaN}', "{}", "[]", '{"gamma": "x"}', "logs/x"]),
    st.sampled_from(["payloads/none", "payloads/../logs/x", "OutputQueue", "../x", "\ud83d\ude00"]),
)
VALUES = st.one_of(
    STRINGS.map(lambda text: {"DataType": "String", "StringValue": text}),
    st.integers().map(lambda number: {"DataType": "Number", "StringValue": str(number)}),
    st.binary(min_size=1, max_size=50).map(
        lambda data: {"DataType": "Binary", "BinaryValue": data}
    ),
    STRINGS.map(lambda text: {"DataType": "String.custom", "StringValue": text}),
)
NAMES = ["CorrelationId", "ReplyTo", "PayloadKey", "Parameters", "ETag", "Status", "Other"]
MESSAGES = st.fixed_dictionaries(
    {
        "MessageBody": TEXT,
        "MessageAttributes": st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=4),
    }
)


def collect(count: int) -> List[Dict[str, Any]]:
    """Have hypothesis generate so many messages."""
    made: List[Dict[str, Any]] = []

    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(MESSAGES)
    def gather(message: Dict[str, Any]) -> None:
        made.append(message)

    gather()
    return made


@pytest.mark.parametrize("worker", [["calculation.worker"], ["image.worker", "gamma"]])
def test_hostile_messages_are_answered_or_refused(
    place: Place, full: bool, worker: List[str]
) -> None:
    """No message stays or becomes a dead letter, and the worker's memory does not grow."""
    messages = collect(1000 if full else 100)
    inbox = place.inbox()
    running = place.worker(*worker[1:], module=worker[0])

    def send_and_settle() -> int:
        for message in messages:
            place.sqs.send_message(QueueUrl=inbox.url, **message)
        wait_until(place.is_empty, 120)
        return running.memory()

    before = send_and_settle()
    after = send_and_settle()

    dead = inbox.sibling(inbox.name + DEAD_LETTER)
    print(f"{len(messages)} messages twice: {before / 1e6:.0f} MB, then {after / 1e6:.0f} MB")
    assert running.process.poll() is None
    assert not any(place.messages(dead))
    assert after - before < 10_000_000
    assert "Traceback" not in running.said()


@pytest.mark.parametrize("worker", [["calculation.worker"], ["image.worker", "gamma"]])
def test_bodies_of_a_mebibyte_are_answered(place: Place, full: bool, worker: List[str]) -> None:
    """The longest messages that SQS accepts each get a result or a refusal."""
    bodies = ["x" * MEBIBYTE, "1," * (MEBIBYTE // 2 - 1) + "1", "[" * MEBIBYTE]
    bodies *= 30 if full else 3
    inbox = place.inbox()
    for body in bodies:
        place.sqs.send_message(QueueUrl=inbox.url, MessageBody=body)
    running = place.worker(*worker[1:], module=worker[0])

    replies: List[Any] = []
    while len(replies) < len(bodies):
        replies += take(place.outbox())

    results = [reply for reply in replies if reply.text("Status") == "ok"]
    assert len(results) == (len(bodies) // 3 if worker == ["calculation.worker"] else 0)
    assert all(json.loads(result.body)["count"] == MEBIBYTE // 2 for result in results)
    wait_until(place.is_empty)
    assert running.process.poll() is None


class Footprint(NamedTuple):
    """A process's threads, file descriptors, and memory in bytes."""

    memory: int
    threads: int
    connections: int
    other_files: int

    @classmethod
    def of(cls, program: Running) -> Footprint:
        """Measure a process."""
        process = f"/proc/{program.process.pid}"
        links = [os.readlink(entry) for entry in os.scandir(f"{process}/fd")]
        connections = sum(link.startswith("socket:") for link in links)
        threads = len(os.listdir(f"{process}/task"))
        return cls(program.memory(), threads, connections, len(links) - connections)


def test_soak(place: Place, full: bool, tmp_path: Path) -> None:
    """Over thousands of lists, memory, threads and file descriptors of a worker do not grow.

    A connection is opened when more threads than before make requests at the same moment, which may
    happen late; so they are bounded by what threads can use: one each for SQS and for S3.
    """
    worker = place.worker()
    file = tmp_path / "lists.txt"
    file.write_text("1,2,3\n" * 2000)
    seen = []
    for _ in range(10 if full else 3):
        assert place.client("--file", str(file), timeout=300, module=SINGLY).returncode == 0
        seen.append(Footprint.of(worker))

    print(*seen, sep="\n")
    first, last = seen[0], seen[-1]
    assert last.memory - first.memory < 5_000_000
    assert last.threads <= first.threads
    assert last.connections <= 2 * first.threads
    assert last.other_files <= first.other_files


def test_empty_polls_leave_nothing(counted: Place, gateway: Gateway, full: bool) -> None:
    """Over thousands of empty polls, a worker's memory does not grow."""
    polls = 20_000 if full else 600
    nothing = (200, {"Content-Type": "application/x-amz-json-1.0"}, b"{}")
    gateway.spoil("ReceiveMessage", lambda call: nothing)
    worker = counted.worker()
    wait_until(lambda: gateway.counts["ReceiveMessage"] > polls / 10, 300)
    before = worker.memory()

    wait_until(lambda: gateway.counts["ReceiveMessage"] > polls, 600)

    grown = worker.memory() - before
    print(f"{polls} empty polls: {grown / 1e6:.2f} MB more")
    assert grown < 5_000_000
