"""Transfers keep their order, tell how far they are, and bring home what is under way."""

import threading
from pathlib import Path
from typing import Any, Iterator, List, Tuple

import pytest

from image import transfer
from image.placing import Placer


class Storage:
    """Stands for a bucket whose connection may break."""

    def __init__(self, chunks: List[bytes]) -> None:
        self._chunks = chunks

    def open_object(self, key: str, etag: Any) -> Tuple["Storage", int]:
        return self, 8

    def __enter__(self) -> "Storage":
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def iter_chunks(self, size: int) -> Iterator[bytes]:
        for chunk in self._chunks:
            if not chunk:
                raise ConnectionError("gone")
            yield chunk

    def put(self, key: str, body: Any, content_type: str) -> str:
        while body.read(3):
            pass
        body.seek(0)
        return str(body.read())


def fetch(path: Path, *chunks: bytes) -> None:
    storage: Any = Storage(list(chunks))
    with Placer().placing(path, True) as scratch:
        transfer.download(storage, "key", None, scratch, lambda done: None)


def test_a_broken_download_leaves_nothing(tmp_path: Path) -> None:
    """Neither the file nor a scratch file is there; an older file is as it was."""
    (tmp_path / "old").write_text("mine")
    for name in ("new", "old"):
        with pytest.raises(ConnectionError):
            fetch(tmp_path / name, b"half", b"")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["mine"]

    fetch(tmp_path / "old", b"half", b"half")
    assert [path.read_text() for path in tmp_path.iterdir()] == ["halfhalf"]


def test_an_upload_tells_how_far_it_is() -> None:
    """Also when the bytes are read a second time, for a checksum or another attempt."""
    told: List[int] = []
    storage: Any = Storage([])

    assert transfer.upload(storage, "key", b"12345", "image/png", told.append) == "b'12345'"
    assert told == [3, 5, 5, 5]


def test_results_keep_their_order() -> None:
    """The second is done before the first, and waits for it."""
    second_is_done = threading.Event()

    def call(item: int) -> int:
        if item == 1:
            assert second_is_done.wait(10)
        elif item == 2:
            second_is_done.set()
        return item

    assert list(transfer.in_order(call, range(1, 21))) == list(range(1, 21))


def test_what_is_under_way_comes_home_before_an_error() -> None:
    """When the items end in an error, those that came before it have been seen to."""

    there_is_no_more = threading.Event()

    def items() -> Iterator[int]:
        yield from (1, 2, 3)
        there_is_no_more.set()
        raise TimeoutError("no fourth")

    def call(item: int) -> int:
        assert there_is_no_more.wait(10)
        return item

    results = transfer.in_order(call, items())
    assert [next(results) for _ in range(3)] == [1, 2, 3]
    with pytest.raises(TimeoutError, match="no fourth"):
        next(results)
