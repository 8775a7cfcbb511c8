"""The virtual environment of the benchmarks: what the programs need, and the peers."""

import os
import re
import subprocess
import sys
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
    python, stamp = FOLDER / "bin" / "python", FOLDER / "installed.txt"
    wanted = OURS.read_text() + PEERS.read_text()
    if not stamp.exists() or stamp.read_text() != wanted:
        print("Installing what the benchmarks compare with ...", file=sys.stderr, flush=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "--prefer-binary"]
        subprocess.run([sys.executable, "-m", "venv", str(FOLDER)])
        if not python.exists():
            sys.exit(f"cannot make a virtual environment in {FOLDER}")
        for package in wanted.splitlines():  # one by one: what fails shall not keep out the rest
            if subprocess.run([*pip, package]).returncode:
                print(f"going on without {package}", file=sys.stderr, flush=True)
        stamp.write_text(wanted)
    os.execv(python, [str(python), *arguments])


def packages() -> List[str]:
    """Name the packages that the programs and the comparison need, and botocore."""
    return ["botocore", *re.findall(r"^[\w-]+", OURS.read_text() + PEERS.read_text(), re.MULTILINE)]
