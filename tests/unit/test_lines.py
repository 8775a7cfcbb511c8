"""A file of lists is read as other programs write it."""

from __future__ import annotations

import io
import os
import pty
from typing import Any, Iterator, List

import pytest
from hypothesis import given
from hypothesis import strategies as st

from calculation.lines import LineCut, lists

LINES = ["3,1,2", "", "-5,7", "1\u00a0,2"]
words = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\r\n\ufeff"))


class Pieces(io.RawIOBase):
    """A file that returns a few bytes at a time, as a pipe does."""

    def __init__(self, data: bytes, size: int) -> None:
        self._data = io.BytesIO(data)
        self._size = size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        piece = self._data.read(min(self._size, len(buffer)))
        buffer[: len(piece)] = piece
        return len(piece)


def read(data: bytes, size: int = 1 << 16) -> List[str]:
    """Return all lists in the bytes."""
    file: Any = Pieces(data, size)
    return [line for lines in lists(file) for line in lines]


@pytest.mark.parametrize("size", [1, 2, 3, 1 << 16])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [0, 1, 3], ids=["no end", "an end", "blank lines"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-be"])
def test_what_other_programs_write_is_read(size: int, end: str, last: int, encoding: str) -> None:
    """Byte order marks, line endings and trailing blank lines are no lists."""
    mark = "\ufeff" if encoding == "utf-16-be" else ""

    data = (mark + end.join(LINES) + end * last).encode(encoding)

    assert read(data, size) == LINES


@given(st.lists(words.filter(lambda text: not text.isspace()), max_size=9), st.integers(1, 9))
def test_lines_come_as_they_are(texts: List[str], size: int) -> None:
    """Lines are returned unchanged, however they are chunked; blank ones between others count."""
    while texts and not texts[-1]:
        texts.pop()

    assert read("\n".join(texts).encode(), size) == texts


@pytest.mark.parametrize("data", [b"", b"\n", b" \r\n\t\n", b"\xef\xbb\xbf", b"\xff\xfe", b"\xff"])
def test_a_file_of_nothing_has_no_lists(data: bytes) -> None:
    """Blanks and marks alone are no list; bytes that are no text are one to be refused."""
    assert read(data) == (["\ufffd"] if data == b"\xff" else [])


def test_a_long_line_takes_the_time_of_its_length() -> None:
    """A line of 50 MB is joined once, and not again with each block."""
    line = b"1," * 25_000_000 + b"1"

    (text,) = read(line)

    assert len(text) == len(line)


@pytest.fixture
def keyboard() -> Iterator[Any]:
    """A terminal: the far end, for typing, and the near end as a file."""
    far, near = pty.openpty()
    with open(near, "rb", buffering=0) as file:
        yield far, file
    os.close(far)


def test_a_line_that_a_terminal_cut_is_not_taken(keyboard: Any) -> None:
    """A line of 4,095 characters, where a terminal cuts, is refused."""
    far, near = keyboard
    os.write(far, b"3,1,2\n")
    taken = lists(near)
    assert next(taken) == ["3,1,2"]

    os.write(far, b"1," * 2040 + b"1\n")
    assert [len(text) for text in next(taken)] == [4081]

    os.write(far, b"1," * 3000 + b"\n")
    with pytest.raises(LineCut):
        next(taken)
