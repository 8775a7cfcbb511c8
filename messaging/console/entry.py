"""An entry: what a person types or pastes at a prompt, whole."""

from __future__ import annotations

import contextlib
import select
import sys
from typing import Iterator

PASTED = 0.1  # seconds; nobody types the next line so soon
UNEDITED = 4095 if sys.platform == "linux" else 1023  # bytes of a line; a terminal drops the rest


def read(prompt: str) -> str:
    """Give what was entered; lines that were pasted together come together.

    Raises EOFError at the end of the input, ValueError where the terminal may have cut a line.
    """
    if not sys.stdin.isatty():
        answer = input(prompt)
        print(answer)  # a terminal shows what is typed; behind a pipe we do
        return answer
    if _is_edited():
        with _uncut():
            return _lines(prompt)
    entered = _lines(prompt)
    if any(len(line.encode(errors="surrogateescape")) >= UNEDITED for line in entered.split("\n")):
        raise ValueError(
            f"a line of more than {UNEDITED - 1:,} characters does not pass through this terminal "
            "whole: put it into a file"
        )
    return entered


def remember(entered: str) -> None:
    """Let the arrows bring an entry back; answers of a letter are not worth it."""
    if len(entered) > 1 and "readline" in sys.modules:
        sys.modules["readline"].add_history(entered)


def _lines(prompt: str) -> str:
    lines = [input(prompt)]
    with contextlib.suppress(EOFError):
        while _more_comes():
            lines.append(input())
    return "\n".join(lines).strip("\r\n")


def _more_comes() -> bool:
    try:
        return bool(select.select([sys.stdin], [], [], PASTED)[0])
    except OSError:  # Windows asks sockets only
        return False


def _is_edited() -> bool:
    """Tell whether readline reads the line, of any length; input() itself asks the same."""
    if not sys.stdout.isatty():
        return False
    try:
        import readline
    except ImportError:  # Windows
        return False
    readline.set_auto_history(False)
    return True


@contextlib.contextmanager
def _uncut() -> Iterator[None]:
    """Keep what arrives between two lines of a paste: only single characters are never cut."""
    import termios

    before = termios.tcgetattr(sys.stdin)
    during = [*before]
    during[3] &= ~termios.ICANON  # but not ECHO, by which readline knows whether to show anything
    termios.tcsetattr(sys.stdin, termios.TCSANOW, during)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, before)
