"""Shows a session at both menus, run live on a terminal of 80 columns.

It needs the packages of requirements.txt, and starts a local AWS.
"""

from __future__ import annotations

import os
import sys

if not __package__:  # run as a file: import from the repository, not from this folder
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import argparse
import fcntl
import pty
import re
import select
import shlex
import struct
import subprocess
import tempfile
import termios
import time
from html import escape
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence, Tuple

from scripts.local_aws import LocalAws

ROOT = Path(__file__).resolve().parent.parent
PICTURE = ROOT / "scripts" / "session.svg"
COLUMNS, ROWS = 80, 50
LONGEST_WAIT = 60  # seconds for each prompt; then the recording fails
# The prompt to wait for, and what is typed at it.
SESSION: Sequence[Tuple[str, str]] = (
    ("$ ", "python3 calculation/client.py"),
    ("Your choice: ", "1"),
    ("separated by commas: ", "3,1,a"),
    ("separated by commas: ", "3,1,2"),
    ("Your choice: ", "2"),
    ("$ ", "python3 image/client.py"),
    ("Your choice: ", "1"),
    ("with its extension: ", "image/Moon.jpg"),
    ("if left empty): ", ""),
    ("(y or n)? ", "y"),
    ("Your choice: ", "2"),
    ("$ ", "exit"),
)
LINE, LETTER, MARGIN, SIZE = 18, 8.43, 16, 14  # pixels
HEAD = """\
<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title"
     viewBox="0 0 {width} {height}" width="{width}" height="{height}">
<title id="title">{title}</title>
<style>
  rect {{ fill: #f6f8fa; stroke: #d0d7de; }}
  text {{
    fill: #24292f; white-space: pre;
    font: {size}px ui-monospace, Menlo, Consolas, "DejaVu Sans Mono", monospace;
  }}
  tspan {{ fill: #0550ae; font-weight: bold; }}
  @media (prefers-color-scheme: dark) {{
    rect {{ fill: #161b22; stroke: #30363d; }}
    text {{ fill: #e6edf3; }}
    tspan {{ fill: #79c0ff; }}
  }}
</style>
<rect x="0.5" y="0.5" width="{inner_width}" height="{inner_height}" rx="8"/>
"""
TITLE = "A session at a terminal: a list is answered, then the image of the Moon"


def checkout(folder: Path) -> Dict[str, str]:
    """Turn a folder into a writable checkout; return the environment for programs in it.

    In it python3 is the Python that runs this script.
    """
    for path in ROOT.iterdir():
        if path.name[0] != "." and path.suffix not in (".jpg", ".png"):
            (folder / path.name).symlink_to(path)
    (folder / "bin").mkdir()
    program(folder / "bin" / "python3", f'exec {shlex.quote(sys.executable)} "$@"')
    return {"PATH": f"{folder / 'bin'}{os.pathsep}{os.environ['PATH']}", "HOME": str(folder)}


def program(path: Path, line: str) -> None:
    """Write an executable that runs one line of shell."""
    path.write_text(f"#!/bin/sh\n{line}\n")
    path.chmod(0o755)


def play(environment: Mapping[str, str]) -> List[str]:
    """Run the session, which needs workers; return the lines that the terminal shows at the end."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"PS1": "$ ", "TERM": "dumb", "HISTFILE": ""}
        variables = {**environment, **checkout(Path(folder)), **own}
        process, terminal = pty.fork()
        if not process:
            os.chdir(folder)
            os.execvpe("bash", ["bash", "--norc", "--noprofile"], variables)
        try:
            fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("4H", ROWS, COLUMNS, 0, 0))
            said = "".join(_say(terminal, *each) for each in SESSION)
        finally:
            os.close(terminal)  # sends SIGHUP to what still runs there
            os.waitpid(process, 0)
    return _lines(said)[:-1]


def _say(terminal: int, prompt: str, answer: str) -> str:
    """Wait for a prompt and answer it; return the output until then."""
    said, give_up = b"", time.monotonic() + LONGEST_WAIT
    while not said.endswith(prompt.encode()):
        ready, _, _ = select.select([terminal], [], [], max(0, give_up - time.monotonic()))
        if not ready:
            raise SystemExit(f"expected {prompt!r}, but got {said.decode()!r}")
        said += os.read(terminal, 1 << 16)
    os.write(terminal, answer.encode() + b"\n")
    return said.decode()


def _lines(said: str) -> List[str]:
    """Return the lines as a terminal shows them, with carriage returns carried out."""
    return [_overwritten(line).rstrip() for line in said.replace("\r\n", "\n").split("\n")]


def _overwritten(line: str) -> str:
    shown = ""
    for part in line.split("\r"):
        shown = part + shown[len(part) :]
    return shown


def draw(lines: Sequence[str]) -> str:
    """Return an SVG of the lines, with what was typed in another colour and the text selectable."""
    width, height = round(COLUMNS * LETTER) + 2 * MARGIN, len(lines) * LINE + 2 * MARGIN
    head = HEAD.format(
        title=TITLE,
        size=SIZE,
        width=width,
        height=height,
        inner_width=width - 1,
        inner_height=height - 1,
    )
    return head + "".join(map(_drawn, range(len(lines)), lines)) + "</svg>\n"


def _drawn(number: int, line: str) -> str:
    # What follows a prompt was typed.
    text = re.sub(r"^(\$ |.*[:?] )(.+)$", r"\1<tspan>\2</tspan>", escape(line, quote=False))
    y = MARGIN + LINE * number + SIZE
    return f'<text x="{MARGIN}" y="{y}" xml:space="preserve">{text}</text>\n' if line else ""


def main(arguments: Sequence[str]) -> None:
    """Run the session with a server and workers; print it, or draw it as SVG."""
    options = _parser().parse_args(arguments)
    target: Optional[Path] = PICTURE if options.write else options.output
    if target and not target.parent.is_dir():
        raise SystemExit(f"record.py: there is no folder {target.parent}")
    with LocalAws() as aws:
        commands = (["calculation.worker"], ["image.worker", "gamma"])
        workers = [
            subprocess.Popen(
                [sys.executable, "-m", *command],
                cwd=ROOT,
                env=aws.environment,
                stderr=subprocess.DEVNULL,
            )
            for command in commands
        ]
        try:
            lines = play(aws.environment)
        finally:
            for worker in workers:
                worker.kill()
                worker.wait()
    if target:
        target.write_text(draw(lines), encoding="utf-8")
    else:
        print(*lines, sep="\n")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--output", type=_file, metavar="PATH", help="write it as SVG to this file")
    picture = PICTURE.relative_to(ROOT)
    where.add_argument("--write", action="store_true", help=f"redraw {picture}")
    return parser


def _file(text: str) -> Path:
    if not text.strip() or Path(text).is_dir():
        raise argparse.ArgumentTypeError(f"{text!r} is not a file")
    return Path(text)


if __name__ == "__main__":
    main(sys.argv[1:])
