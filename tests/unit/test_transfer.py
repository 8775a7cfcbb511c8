"""Transfers keep their order, report progress, and finish what is in flight."""

import io
import threading
from typing import Any, Iterator, List, Tuple

import pytest

from image import transfer
from tests.conftest import wait_until


class Storage:
    """A stand-in for a bucket whose connection may break."""

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


def test_a_download_tells_how_far_it_is() -> None:
    """A download reports each piece, and raises if it breaks off."""
    told: List[int] = []
    whole: Any = Storage([b"half", b"half"])
    broken: Any = Storage([b"half", b""])

    assert transfer.download(whole, "key", None, told.append) == b"halfhalf"
    assert told == [4, 8]
    with pytest.raises(ConnectionError):
        transfer.download(broken, "key", None, told.append)


def test_an_upload_tells_how_far_it_is() -> None:
    """An upload reports progress even if bytes are read twice, for a checksum or a retry."""
    told: List[int] = []
    storage: Any = Storage([])

    file = io.BytesIO(b"12345")
    file.read()

    assert transfer.upload(storage, "key", file, "image/png", told.append) == "b'12345'"
    assert told == [3, 5, 5, 5]


def test_results_keep_their_order() -> None:
    """A second result that is ready first waits for the first."""
    second_is_done = threading.Event()

    def call(item: int) -> int:
        if item == 1:
            assert second_is_done.wait(10)
        elif item == 2:
            second_is_done.set()
        return item

    assert list(transfer.in_order(call, range(1, 21))) == list(range(1, 21))


def test_what_is_under_way_comes_home_before_an_error() -> None:
    """An error of the items is raised after those before it were finished."""

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


def test_few_are_under_way_at_a_time() -> None:
    """Only so many are started, and read from the items, before the first is done."""
    go = threading.Event()
    taken: List[int] = []
    begun: List[int] = []

    def items() -> Iterator[int]:
        for item in range(100):
            taken.append(item)
            yield item

    def call(item: int) -> int:
        begun.append(item)
        assert go.wait(10)
        return item

    results: List[int] = []
    reader = threading.Thread(target=lambda: results.extend(transfer.in_order(call, items())))
    reader.start()
    wait_until(lambda: len(begun) >= transfer.AT_A_TIME and len(taken) >= transfer.AHEAD)
    reader.join(0.1)
    assert (len(begun), len(taken)) == (transfer.AT_A_TIME, transfer.AHEAD)
    go.set()
    reader.join(10)

    assert results == list(range(100))
