"""Strips: an image in pieces, each worked on as soon as it is decoded, on all free processors."""

import os
from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from threading import Lock
from typing import Any, Callable, Deque, Iterable, Iterator, List, Sequence, Tuple, TypeVar, Union

from PIL import Image

_PIECE = 1 << 17
Buffer = Union[bytes, memoryview]
Result = TypeVar("Result")


class Processors:
    """Counts the threads at work in all lanes, so that no lane takes processors from another."""

    def __init__(self, count: int) -> None:
        self._count, self._busy, self._lock = count, 0, Lock()

    @contextmanager
    def helpers(self, most: int) -> Iterator[int]:
        """Yield how many threads may help the calling one, which counts too."""
        with self._lock:
            number = max(0, min(most, self._count - self._busy - 1))
            self._busy += 1 + number
        try:
            yield number
        finally:
            with self._lock:
                self._busy -= 1 + number


MAKE_DECODER: Any = getattr(Image, "_getdecoder", None)  # private, so it may go
PROCESSORS = Processors(os.cpu_count() or 1)


def cut(whole: range, rows: int) -> List[range]:
    """Cut rows into strips of so many, but for the last."""
    return [whole[top : top + rows] for top in range(0, len(whole), rows)]


def share(
    strips: Sequence[range], decoded: Iterable[int], work: Callable[[range], Result]
) -> Iterator[Result]:
    """Yield what the work makes of each strip, in order, begun as soon as its rows are decoded.

    Iterating over `decoded` is what decodes: it yields how many rows there are, and ends with all.
    """
    with PROCESSORS.helpers(len(strips) - 1) as helpers, ThreadPoolExecutor(helpers or 1) as pool:
        waiting = deque(strips)
        jobs: Deque[Tuple[range, Future[Result]]] = deque()
        for rows in chain(decoded, [strips[-1].stop]):
            while waiting and waiting[0].stop <= rows:
                strip = waiting.popleft()
                if helpers:
                    jobs.append((strip, pool.submit(work, strip)))
                else:
                    yield work(strip)
            while jobs and jobs[0][1].done():
                yield jobs.popleft()[1].result()
        # This thread is free now, and takes from the end what the helpers have not begun.
        own = {strip: work(strip) for strip, job in reversed(jobs) if job.cancel()}
        while jobs:
            strip, job = jobs.popleft()
            yield own.pop(strip) if strip in own else job.result()


def in_pieces(parts: Iterable[Buffer]) -> Iterator[Buffer]:
    """Yield parts piece by piece, between which a decoder is asked for its progress."""
    return (part[at : at + _PIECE] for part in parts for at in range(0, len(part), _PIECE))


def decode(
    image: Image.Image, codec: str, options: Tuple[Any, ...], pieces: Iterable[Buffer]
) -> Iterator[None]:
    """Fill an image by a codec of Pillow's from pieces of coded pixels; yield after each piece."""
    if MAKE_DECODER is None:
        image.frombytes(b"".join(pieces), codec, *options)
        return
    decoder = MAKE_DECODER(image.mode, codec, options)
    rest = b""
    decoder.setimage(image.im, (0, 0, *image.size))
    for piece in pieces:
        data = rest + piece if rest else piece
        used, error = decoder.decode(data)
        if error:
            raise ValueError("its pixels are damaged")
        if used < 0:
            return
        rest = bytes(data[used:])
        yield
    raise ValueError("it ends too early")
