"""Lists from a file, one per line, as other programs write them."""

from __future__ import annotations

import codecs
import io
from typing import IO, Iterator, List

BLOCK = 1 << 16  # bytes
UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
# A terminal passes on so many bytes of a line, and drops the rest silently.
TERMINAL_LINE = 4095


class LineCut(Exception):
    """Raised for a line that a terminal may have cut."""


def lists(file: IO[bytes]) -> Iterator[List[str]]:
    """Yield the lines as they come, without line ends; blank ones at the end are left out.

    Accepts UTF-8 with or without a byte order mark, UTF-16 with one, and any line ends. Bytes
    that are no text become U+FFFD. Raises LineCut if a terminal may have cut a line.

    Args:
        file: opened unbuffered, so that lines are yielded as soon as they are there
    """
    blanks: List[str] = []
    terminal = file.isatty()
    for lines in _lines(file):
        if terminal and any(len(line) >= TERMINAL_LINE - 1 for line in lines):
            raise LineCut
        given: List[str] = []
        for line in lines:
            if not line or line.isspace():
                blanks.append("")
            elif blanks:
                given += [*blanks, line]
                blanks.clear()
            else:
                given.append(line)
        yield given


def _lines(file: IO[bytes]) -> Iterator[List[str]]:
    parts: List[str] = []
    for text in _texts(file):
        first, *others = text.split("\n")
        parts.append(first)
        if others:
            lines = ["".join(parts), *others]
            parts = [lines.pop()]
            yield lines
    yield ["".join(parts)]


def _texts(file: IO[bytes]) -> Iterator[str]:
    start = file.read(BLOCK)
    while len(start) == 1 and any(mark.startswith(start) for mark in UTF_16):
        more = file.read(BLOCK)
        start += more
        if not more:
            break
    encoding = "utf-16" if start[:2] in UTF_16 else "utf-8-sig"
    decoder = io.IncrementalNewlineDecoder(
        codecs.getincrementaldecoder(encoding)("replace"), translate=True
    )
    block = start
    while block:
        yield decoder.decode(block)
        block = file.read(BLOCK)
    yield decoder.decode(b"", final=True)
