"""Many lists in one message: malicious requests are refused, and the largest replies sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, List

from tests.conftest import Place, take, wait_until

SHORT = b"1,2,3\n" * 5_000_000  # lists, too many for a message, so they go to the bucket
HOSTILE = {
    "1\n2": ["-1", "1e9", "1e999", "true", "null", "3", '"2"', "[" * 900 + "]" * 900],
    "\n" * 1_000_000: ["1000", "1000000"],
    "1\n" * 1001: ["1001"],
    "\U0001f600" * 70_000: ["1"],
}


def test_packed_requests_made_to_harm_are_refused(place: Place) -> None:
    """Whatever they declare and contain, each gets one sentence, and memory does not grow."""
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
    """A thousand refusals that quote what takes most bytes in JSON fit into one reply."""
    place.worker()
    body = "\n".join(["\U0001f600" * 64] * 999)
    place.send(body, Parameters='{"lists": 999}')

    (reply,) = take(place.outbox())

    assert reply.text("Status") == "ok"
    assert [list(json.loads(line)) for line in reply.body.split("\n")] == [["error"]] * 999
