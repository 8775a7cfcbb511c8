"""Streams: standard input, output and error, also where whoever starts us has closed them."""

from __future__ import annotations

import os
import sys

_CLOSED = (("stdin", os.O_RDONLY, "r"), ("stdout", os.O_RDONLY, "w"), ("stderr", os.O_WRONLY, "w"))


def prepare() -> None:
    """Have all three, and let no character end a program.

    Of a closed one, input is at its end, output cannot be written, and errors are told to nobody.
    """
    for name, flags, mode in _CLOSED:
        if getattr(sys, name) is None:
            handle = os.open(os.devnull, flags)  # takes the number that is free: the stream's own
            setattr(sys, name, os.fdopen(handle, mode, encoding="utf-8"))
    for stream, errors in (
        (sys.stdin, "surrogateescape"),  # file names may hold any bytes
        (sys.stdout, "backslashreplace"),  # a name that cp1252 lacks
        (sys.stderr, "backslashreplace"),
    ):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure:
            reconfigure(errors=errors)


def flush() -> None:
    """Write out what was printed; where that fails, drop it and raise OSError."""
    try:
        sys.stdout.flush()
    except OSError:
        # Python would try again at its end, and show a traceback.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise
