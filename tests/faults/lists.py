"""Lists on their way through a client, for the tests of faults."""

import json
from pathlib import Path
from typing import Any

from tests.conftest import Place


def ask(place: Place, tmp_path: Path, count: int, timeout: str = "60") -> Any:
    """Have lists answered by a client; check that each has its one right result."""
    file = tmp_path / "lists.txt"
    file.write_text("".join(f"{number},-1\n" for number in range(count)))
    done = place.client("--file", str(file), "--json", "--timeout", timeout, timeout=300)
    assert done.returncode == 0, done.stderr
    assert [json.loads(line)["max"] for line in done.stdout.splitlines()] == list(range(count))
    return done
