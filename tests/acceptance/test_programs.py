"""The four programs start from anywhere."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PROGRAMS = [
    f"{part}/{name}.py" for part in ("calculation", "image") for name in ("client", "worker")
]


@pytest.mark.parametrize("program", PROGRAMS)
@pytest.mark.parametrize("way", ["folder", "root", "module", "absolute"])
def test_programs_start_from_anywhere(program: str, way: str) -> None:
    """Each program starts in its folder, from the root, as a module and by absolute path."""
    folder, name = os.path.split(program)
    cwd, command = {
        "folder": (ROOT / folder, [name]),
        "root": (ROOT, [program]),
        "module": (ROOT, ["-m", program[:-3].replace("/", ".")]),
        "absolute": (Path("/"), [str(ROOT / program)]),
    }[way]
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent"}

    done = subprocess.run(
        [sys.executable, *command, "--help"], cwd=cwd, env=environment, stdout=subprocess.PIPE
    )

    assert done.returncode == 0
    assert b"examples:" in done.stdout
