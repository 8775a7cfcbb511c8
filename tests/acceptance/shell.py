"""Runs commands as a user would, in a checkout that they may write to."""

import re
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Dict, Mapping

from PIL import Image

from scripts import record
from tests.acceptance.readme import agree, masked
from tests.conftest import ROOT, wait_until

# Commands that run until stopped: the output to wait for, and the exit code when stopped.
ENDLESS = (
    (r"worker\.py(?!.*--drain)", "; Ctrl-C stops it", 0),
    (r"status --watch", "OutputQueue", 130),
)
# Commands that ask first, and their exit code when nobody answers.
ASKING = ((r"manage\.py delete(?!.*--yes)", 1),)
# Keeps a worker of another operation from requests of clients that run at the same time.
APART = {"IMAGE_INPUT_QUEUE": "inbox-apart"}


def checkout(folder: Path, stubs: Mapping[str, str]) -> Dict[str, str]:
    """Make a folder like a checkout with packages installed, and the files that commands name.

    Each stub is a line of shell that stands in for the program of that name.
    """
    folder.mkdir()
    variables = record.checkout(folder)
    for name, line in stubs.items():
        record.program(folder / "bin" / name, line)
    for part in ("calculation", "image"):
        (folder / part).unlink()
        (folder / part).mkdir()
        for path in [*(ROOT / part).glob("*.py"), *(ROOT / part).glob("*.jpg")]:
            (folder / part / path.name).symlink_to(path)
    for place in (folder, folder / "calculation", folder / "image"):
        (place / "lists.txt").write_text("3,1,2\n-5,7\n")
        (place / "photos").mkdir()
        for name in ("other.png", "photos/one.png", "photos/two.png"):
            Image.new("L", (8, 8), 99).save(place / name)
    (folder / "Moon.jpg").symlink_to(ROOT / "image" / "Moon.jpg")
    (folder / "os-release").write_text("ID=debian\nVERSION_ID=12\n")
    return {**variables, "OS_RELEASE": str(folder / "os-release")}


def run(command: str, cwd: Path, variables: Dict[str, str], shown: str = "") -> str:
    """Run a command; return what was wrong with it, empty if nothing."""
    for pattern, awaited, code in ENDLESS:
        if re.search(pattern, command):
            return stop(command, cwd, variables, awaited, code)
    done = subprocess.run(
        ["bash", "-c", command],
        cwd=cwd,
        env=variables,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=120,
    )
    said = done.stdout
    code = next((code for pattern, code in ASKING if re.search(pattern, command)), 0)
    good = done.returncode == code and (not shown or agree(shown, said))
    return "" if good else f"{done.returncode}:\n{masked(said)}"


def stop(command: str, cwd: Path, variables: Dict[str, str], awaited: str, code: int) -> str:
    """Run a command until it prints `awaited`, and stop it; return what was wrong."""
    with tempfile.TemporaryFile("w+") as said:
        process = subprocess.Popen(
            ["bash", "-c", f"exec {command}"],
            cwd=cwd,
            env={**variables, **APART},
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
        )

        def told() -> str:
            said.seek(0)
            return said.read()

        try:
            wait_until(lambda: awaited in told() or process.poll() is not None)
            process.send_signal(signal.SIGTERM)
            ended = process.wait(30)
        finally:
            process.kill()
        return "" if awaited in told() and ended == code else f"{ended}:\n{told()}"
