"""The virtual environment of the benchmarks: what the programs need, and the peers."""

from __future__ import annotations

import os
import re
import subprocess
import sys
import venv
from pathlib import Path
from typing import List

from scripts.benchmarks.process import ROOT

FOLDER = ROOT / ".venv" / "bench"
OURS = ROOT / "requirements.txt"
PEERS = Path(__file__).resolve().parent / "requirements.txt"


def enter(arguments: List[str]) -> None:
    """Start this program anew in the environment, installed first if need be."""
    if Path(sys.prefix).resolve() == FOLDER.resolve():
        return
    python = str(FOLDER / "bin" / "python")
    stamp = FOLDER / "installed.txt"
    wanted = OURS.read_text() + PEERS.read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        _install(python)
        stamp.write_text(wanted)
    sys.stderr.flush()
    os.execv(python, [python, *arguments])


def _install(python: str) -> None:
    print("Installing what the benchmarks compare with ...", file=sys.stderr)
    venv.create(FOLDER, with_pip=True)
    pip = [python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    subprocess.run([*pip, "--prefer-binary", "-r", str(OURS)], check=True)
    for peer in PEERS.read_text().split():  # one by one: what fails shall not keep out the rest
        if subprocess.run([*pip, "--prefer-binary", peer]).returncode != 0:
            print(f"{peer} cannot be installed here: going on without it", file=sys.stderr)


def peers() -> List[str]:
    """Name the packages that are there for comparison."""
    return [re.split(r"[\[<>=]", peer)[0] for peer in PEERS.read_text().split()]
