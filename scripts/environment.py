"""Makes .venv/VERSION with the packages of requirements files, and says where its Python is.

usage: environment.py FILE [FILE ...]
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path
from typing import Sequence

FOLDERS = Path(__file__).resolve().parent.parent / ".venv"
STAMP = "stamp.txt"
PIP = ["install", "--quiet", "--disable-pip-version-check", "--prefer-binary"]
ELSEWHERE = {"PIP_USER", "PIP_TARGET", "PIP_PREFIX", "PIP_ROOT"}  # where a person has pip install


def make(name: str, python: str, packages: Sequence[str], wanted: str) -> Path:
    """Make a virtual environment, unless it is ready; return its Python.

    Args:
        name: its folder in .venv
        python: the interpreter that makes it
        packages: arguments of pip install
        wanted: kept in a stamp file; an environment whose stamp begins with it counts as ready
    """
    # The scripts in a moved or copied environment name the Python of the old one.
    folder = (FOLDERS / name).resolve()
    wanted = f"{folder}\n{wanted.strip()}\n"
    if not _is_ready(folder, wanted):
        try:
            _make_alone(folder, python, packages, wanted)
        except OSError as error:
            raise SystemExit(f"cannot install packages into {folder}: {error}") from error
    return folder / "bin" / "python"


def _is_ready(folder: Path, wanted: str) -> bool:
    return os.access(folder / "bin" / "python", os.X_OK) and _stamp(folder).startswith(wanted)


def _stamp(folder: Path) -> str:
    stamp = folder / STAMP
    return stamp.read_text() if os.access(stamp, os.R_OK) else ""


def _make_alone(folder: Path, python: str, packages: Sequence[str], wanted: str) -> None:
    """Install under a lock; pip inherits it, so that it holds even if we are killed."""
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_ready(folder, wanted):
            _install(folder, python, packages, lock.fileno())
            (folder / STAMP).write_text(wanted)


def _install(folder: Path, python: str, packages: Sequence[str], lock: int) -> None:
    print(f"Installing packages into .venv/{folder.name} ...", file=sys.stderr)
    # One that was moved, or not finished, may hold anything.
    clear = [] if _stamp(folder).startswith(f"{folder}\n") else ["--clear"]
    own = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    own["PIP_USER"] = "0"  # which pip's configuration files may set too
    pip = [str(folder / "bin" / "python"), "-m", "pip", *PIP]
    if (folder / STAMP).exists():
        (folder / STAMP).unlink()
    for command in (
        [python, "-m", "venv", *clear, str(folder)],
        [*pip, "pip>=20.3"],
        [*pip, *packages],
    ):
        if subprocess.run(command, env=own, stdout=sys.stderr, pass_fds=[lock]).returncode:
            raise SystemExit(f"cannot install packages into {folder}: see above")


def main(files: Sequence[str]) -> None:
    """Make the environment for this Python's version, with the packages that the files list."""
    if not files or files[0].startswith("-"):
        print(__doc__)
        raise SystemExit(0 if files and files[0] in ("-h", "--help") else 2)
    words = [word for file in files for word in ("-r", file)]
    try:
        wanted = "".join(Path(file).read_text() for file in files)
    except OSError as error:
        raise SystemExit(f"cannot read {error.filename}: {error.strerror}") from error
    print(make("{}.{}".format(*sys.version_info), sys.executable, words, wanted))


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except KeyboardInterrupt:
        sys.exit(130)
