"""Lists that clients send, for the tests of faults."""

import json
from pathlib import Path
from typing import Any

from tests.conftest import Place

SINGLY = "tests.singly"  # the client that sends one list per message
PACKED = "calculation.client"
CLIENTS = [(SINGLY, 200), (PACKED, 300)]  # and how many lists each sends
LONG = " " * 1500  # after each list; about ten of these fill a message


def ask(place: Place, tmp_path: Path, count: int, timeout: str = "60", client: str = SINGLY) -> Any:
    """Have a client send lists; fails unless each has its one right result."""
    file = tmp_path / "lists.txt"
    long = LONG if client == PACKED else ""
    file.write_text("".join(f"{number},-1{long}\n" for number in range(count)))
    done = place.client(
        "--file", str(file), "--json", "--timeout", timeout, timeout=300, module=client
    )
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["max"] for line in done.stdout.splitlines()] == list(range(count))
    return done
