"""WaitingLine: the line that shows a person that we wait; how long is decided in `requester`."""

from __future__ import annotations

import os
import sys


class WaitingLine:
    """Prints at once that we wait, and on a terminal for how many seconds already."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._live = sys.stderr.isatty()
        self._shown = ""

    def __call__(self, seconds: float) -> None:
        if self._live:
            self._show(f"Waiting for {self._what} ... {seconds:.0f} s", " (Ctrl-C stops waiting)")
        elif seconds < 1:
            print(f"Waiting for {self._what} ...", file=sys.stderr, flush=True)

    def done(self) -> None:
        """Erase the line."""
        self._show("")

    def _show(self, text: str, hint: str = "") -> None:
        """Overwrite the line; cut it to fit, since a line that wraps could not be erased."""
        if not self._live:
            return
        room = _columns() - 1
        text = (text + hint if len(text + hint) <= room else text)[:room]
        sys.stderr.write("\r" + text.ljust(min(len(self._shown), room)) + ("" if text else "\r"))
        sys.stderr.flush()
        self._shown = text


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80
