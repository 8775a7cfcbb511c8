"""Streams: standard input, output and error, even if the parent process has closed them."""

from __future__ import annotations

import os
import sys

_CLOSED = (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w"))


def prepare() -> None:
    """Make sure that all three exist, and that no character raises an encoding error.

    If closed, standard input is at its end, output cannot be written, and error is discarded.
    """
    for name, flags, mode in _CLOSED:
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, flags)  # gets the lowest free number: the stream's own
            setattr(sys, name, os.fdopen(handle, mode, encoding="utf-8"))
    for stream, errors in (
        (sys.stdin, "surrogateescape"),  # file names may contain any bytes
        (sys.stdout, "backslashreplace"),  # a name that cp1252 lacks
        (sys.stderr, "backslashreplace"),
    ):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors=errors)


def flush() -> None:
    """Flush what was printed; if that fails, drop it and raise OSError."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python would flush again at exit, and print a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
