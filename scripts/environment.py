"""Creates .venv/VERSION with the packages of requirements files, and prints its Python's path.

usage: environment.py FILE [FILE ...]
"""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Sequence

FOLDERS = Path(__file__).resolve().parent.parent / ".venv"
STAMP = "stamp.txt"
PIP = ["install", "--quiet", "--disable-pip-version-check", "--prefer-binary"]
ELSEWHERE = {
    "PIP_USER",
    "PIP_TARGET",
    "PIP_PREFIX",
    "PIP_ROOT",
}  # where a user has pip install packages


def make(
    name: str, python: str, packages: Sequence[str], wanted: str, optional: Sequence[str] = ()
) -> Path:
    """Create a virtual environment, unless it is ready; return its Python.

    Args:
        name: the folder in .venv
        python: the interpreter to create it with
        packages: arguments of pip install
        wanted: what it is to hold; an environment whose stamp file begins with this is ready
        optional: packages to go on without if they cannot be installed
    """
    # The scripts in a moved or copied environment still name the old Python.
    folder = (FOLDERS / name).resolve()
    wanted = f"{folder}\n{wanted.strip()}\n"
    try:
        if not _is_ready(folder, wanted):
            folder.parent.mkdir(exist_ok=True)
            with (folder.parent / f"{name}.lock").open("w") as lock:
                fcntl.flock(lock, fcntl.LOCK_EX)
                if not _is_ready(folder, wanted):
                    _install(folder, python, packages, optional, lock.fileno())
                    (folder / STAMP).write_text(wanted)
    except OSError as error:
        raise SystemExit(f"cannot install packages into {folder}: {error}") from error
    return folder / "bin" / "python"


def _is_ready(folder: Path, wanted: str) -> bool:
    return os.access(folder / "bin" / "python", os.X_OK) and _stamp(folder).startswith(wanted)


def _stamp(folder: Path) -> str:
    stamp = folder / STAMP
    return stamp.read_text() if os.access(stamp, os.R_OK) else ""


def _install(
    folder: Path, python: str, packages: Sequence[str], optional: Sequence[str], lock: int
) -> None:
    """Install packages; pip inherits the lock, so that it holds even if we are killed."""
    print(f"Installing packages into .venv/{folder.name} ...", file=sys.stderr)
    # An environment that was moved or left unfinished may hold anything.
    clear = [] if _stamp(folder).startswith(f"{folder}\n") else ["--clear"]
    own = {name: value for name, value in os.environ.items() if name not in ELSEWHERE}
    own["PIP_USER"] = "0"  # pip's configuration files may set it, too
    pip = [str(folder / "bin" / "python"), "-m", "pip", *PIP]
    if (folder / STAMP).exists():
        (folder / STAMP).unlink()
    # The ensurepip of Python 3.8 leaves a temporary file behind, and what is killed may.
    with tempfile.TemporaryDirectory(dir=folder.parent) as own["TMPDIR"]:
        for command in (
            [python, "-m", "venv", *clear, str(folder)],
            [*pip, "pip>=20.3"],
            [*pip, *packages],
            *([*pip, package] for package in optional),
        ):
            if subprocess.run(command, env=own, stdout=sys.stderr, pass_fds=[lock]).returncode:
                if command[-1] not in optional:
                    raise SystemExit(f"cannot install packages into {folder}: see above")
                print(f"Going on without {command[-1]}.", file=sys.stderr)


def main(files: Sequence[str]) -> None:
    """Create the environment for this Python's version, and print the path of its Python."""
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
