"""Strips: an image in pieces, each worked on as soon as it is decoded, on all free processors."""

import os
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from threading import Lock
from typing import Any, Callable, Iterable, Iterator, List, Optional, Sequence, TypeVar

from PIL import Image

PIECE = 1 << 17  # bytes that a decoder is fed with between two looks at its progress
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


PROCESSORS = Processors(os.cpu_count() or 1)


def cut(height: int, rows: int) -> List[range]:
    """Cut so many rows into strips of equal height, but for the last."""
    return [range(top, min(top + rows, height)) for top in range(0, height, rows)]


def share(
    strips: Sequence[range], decoded: Iterable[int], work: Callable[[range], Result]
) -> List[Result]:
    """Do the work on each strip once its rows are decoded, and return the results in order.

    `decoded` yields again and again how many rows there are, since it is what decodes them.
    """
    with PROCESSORS.helpers(len(strips) - 1) as helpers, ThreadPoolExecutor(helpers or 1) as pool:
        jobs: List[Future[Result]] = []
        try:
            for rows in decoded:
                while len(jobs) < len(strips) and strips[len(jobs)].stop <= rows:
                    jobs.append(pool.submit(work, strips[len(jobs)]))
                    if not helpers:
                        jobs[-1].result()  # instead of this thread, not beside it
            own = {  # from the end, rather than wait, until both sides meet
                number: work(strips[number])
                for number, job in reversed(list(enumerate(jobs)))
                if job.cancel()
            }
            return [own[at] if at in own else job.result() for at, job in enumerate(jobs)]
        finally:
            for job in jobs:
                job.cancel()


def open_decoder(image: Image.Image, codec: str, *options: Any) -> Optional[Any]:
    """Return a decoder of Pillow's that fills an image piece by piece, or None if it has none."""
    make = getattr(Image, "_getdecoder", None)  # private, so it may go
    if make is None:
        return None
    decoder = make(image.mode, codec, options)
    decoder.setimage(image.im, (0, 0, *image.size))
    return decoder
