"""The virtual environment of the benchmarks: what the programs need, and the peers."""

import os
import re
import sys
from pathlib import Path
from typing import List

from scripts import environment
from scripts.benchmarks.process import ROOT

OURS = ROOT / "requirements.txt"
PEERS = Path(__file__).resolve().parent / "requirements.txt"


def enter(arguments: List[str]) -> None:
    """Restart this program in the environment, which is created first if necessary."""
    ours, peers = OURS.read_text(), PEERS.read_text()
    if Path(sys.prefix).resolve() != (environment.FOLDERS / "bench").resolve():
        needed, wanted = ["-r", str(OURS)], ours + peers
        python = environment.make("bench", sys.executable, needed, wanted, peers.splitlines())
        os.execv(python, [str(python), *arguments])


def packages() -> List[str]:
    """Return the names of what the programs and the comparison need, and botocore."""
    return ["botocore", *re.findall(r"^[\w-]+", OURS.read_text() + PEERS.read_text(), re.MULTILINE)]
