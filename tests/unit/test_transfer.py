"""A download is there whole or not at all."""

from pathlib import Path
from typing import Any, Iterator, Tuple

import pytest

from image import transfer


class Stream:
    """A stream that breaks after some bytes."""

    def __init__(self, breaks: bool) -> None:
        self._breaks = breaks

    def __enter__(self) -> "Stream":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        yield b"half"
        if self._breaks:
            raise ConnectionError("gone")
        yield b"half"


class Storage:
    """Stands for a bucket whose connection breaks."""

    def __init__(self, breaks: bool = False) -> None:
        self._breaks = breaks

    def open_object(self, key: str, etag: Any) -> Tuple[Stream, int]:
        return Stream(self._breaks), 8


def fetch(path: Path, overwrite: bool = False, breaks: bool = False) -> None:
    storage: Any = Storage(breaks)
    transfer.download(storage, "key", None, path, overwrite, lambda done: None)


def test_a_broken_download_leaves_nothing(tmp_path: Path) -> None:
    """Neither the file nor a scratch file is there; an older file is as it was."""
    with pytest.raises(ConnectionError):
        fetch(tmp_path / "new", breaks=True)
    assert list(tmp_path.iterdir()) == []

    (tmp_path / "old").write_text("mine")
    with pytest.raises(ConnectionError):
        fetch(tmp_path / "old", overwrite=True, breaks=True)
    assert (tmp_path / "old").read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_file_is_replaced_only_when_told(tmp_path: Path) -> None:
    """Without leave FileExistsError is raised; with it the new file is whole."""
    path = tmp_path / "file"
    fetch(path)
    assert path.read_bytes() == b"halfhalf"
    path.write_text("mine")

    with pytest.raises(FileExistsError, match="is there already"):
        fetch(path)
    assert path.read_text() == "mine"

    fetch(path, overwrite=True)
    assert path.read_bytes() == b"halfhalf"


def test_a_file_that_appears_meanwhile_is_not_replaced(tmp_path: Path) -> None:
    """Whoever is faster keeps the name."""
    path = tmp_path / "file"
    storage: Any = Storage()

    def somebody_is_faster(done: int) -> None:
        path.write_text("mine")

    with pytest.raises(FileExistsError):
        transfer.download(storage, "key", None, path, False, somebody_is_faster)
    assert path.read_text() == "mine"
    assert len(list(tmp_path.iterdir())) == 1
