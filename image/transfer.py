"""Uploads images and downloads results, several at a time, with progress."""

from __future__ import annotations

import threading
from collections import deque
from concurrent.futures import Future
from typing import Any, BinaryIO, Callable, Deque, Iterable, Iterator, Optional, TypeVar

from messaging import Storage

A = TypeVar("A")
B = TypeVar("B")

CHUNK = 1 << 18  # bytes; smaller would cost more time in Python, larger make the bar jump
AT_A_TIME = 4  # concurrent uploads, and as many downloads, each of which is held in memory
AHEAD = 8  # images in flight or waiting for their turn, which bounds memory too
Progress = Callable[[int], object]  # called with the bytes transferred so far


class _Watched:
    """A file that reports how far it is read, also when that begins anew."""

    def __init__(self, file: BinaryIO, progress: Progress) -> None:
        self._file, self._progress = file, progress

    def read(self, size: int = -1) -> bytes:
        data = self._file.read(size)
        self._progress(self._file.tell())
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def upload(storage: Storage, key: str, file: BinaryIO, kind: str, progress: Progress) -> str:
    """Put a file into the bucket, from its start; return the ETag."""
    file.seek(0)
    watched: Any = _Watched(file, progress)
    return storage.put(key, watched, kind)


def download(storage: Storage, key: str, etag: Optional[str], progress: Progress) -> bytearray:
    """Return an object's bytes; raises RequestRejected if it has another ETag by now."""
    stream, _ = storage.open_object(key, etag)
    data = bytearray()
    with stream:
        for chunk in stream.iter_chunks(CHUNK):
            data += chunk
            progress(len(data))
    return data


def in_order(call: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Call with several items at a time; yield the results in order, each as soon as possible.

    The calls run on daemon threads, which do not keep the program alive.
    """
    slots = threading.Semaphore(AT_A_TIME)

    def run(item: A, future: Future[B]) -> None:
        try:
            with slots:
                future.set_result(call(item))
        except BaseException as error:
            future.set_exception(error)

    under_way: Deque[Future[B]] = deque()
    failure: Optional[Exception] = None
    try:
        for item in items:
            under_way.append(Future())
            threading.Thread(target=run, args=(item, under_way[-1]), daemon=True).start()
            while under_way and (under_way[0].done() or len(under_way) >= AHEAD):
                yield under_way.popleft().result()
    except Exception as error:  # first yield what is in flight
        failure = error
    while under_way:
        yield under_way.popleft().result()
    if failure:
        raise failure
