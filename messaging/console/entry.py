"""An entry: what a person types or pastes at a prompt, however long."""

from __future__ import annotations

import contextlib
import select
import sys
from typing import Iterator

PASTED = 0.1  # seconds; a line that follows sooner was pasted, since nobody types so fast
UNEDITED = 4095 if sys.platform == "linux" else 1023  # bytes of a line; a terminal drops the rest


def read(prompt: str) -> str:
    """Prompt and return what was entered; lines pasted together are returned together.

    Raises EOFError at the end of the input, ValueError if the terminal may have cut a line.
    """
    if not sys.stdin.isatty():
        answer = input(prompt)
        print(answer)  # a terminal echoes what is typed; for a pipe we do
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
    """Add an entry to the history of the arrow keys, unless it is a single letter."""
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
    except OSError:  # on Windows select takes sockets only
        return False


def _is_edited() -> bool:
    """Return whether readline reads the line, whatever its length; input() decides the same way."""
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
    """Read by characters, so that the terminal cuts no pasted line that arrives between reads."""
    import termios

    before = termios.tcgetattr(sys.stdin)
    during = [*before]
    during[3] &= ~termios.ICANON  # but not ECHO, without which readline shows nothing
    termios.tcsetattr(sys.stdin, termios.TCSANOW, during)
    try:
        yield
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSANOW, before)
