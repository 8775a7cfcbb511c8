"""Backlog: lists that were read, and those among them that wait for their answers."""

from __future__ import annotations

import threading
from collections import deque
from typing import Deque, Iterable, Iterator, List, Optional

from calculation.packing import MAX_LENGTH, Pack

FEW = 10  # lists; SQS takes so many messages in one request, so packing them would save none


class Backlog:
    """Lists, read ahead on a thread of its own as far as a message has room for.

    The thread is a daemon, and nobody waits for it: what it reads may keep silent for ever.
    """

    def __init__(self, batches: Iterable[List[str]]) -> None:
        self._batches = batches
        self._fresh: Deque[str] = deque()
        self._size = 0  # characters of these
        self._sent: Deque[Pack] = deque()
        self._round = 0
        self._error: Optional[BaseException] = None
        self._ended = self._closed = False
        self._change = threading.Condition()
        threading.Thread(target=self._read, name="reader", daemon=True).start()

    def packs(self, most: int) -> Iterator[Pack]:
        """Give what is there as soon as something is, up to so many lists together, a few singly.

        Ends with the input, or when `take_back` or `close` is called; raises what reading raised.
        """
        with self._change:
            this_round = self._round
        return iter(lambda: self._next(most, this_round), None)

    def oldest(self) -> Pack:
        """Give the first of what waits for its answers."""
        return self._sent[0]

    def answered(self) -> None:
        """Forget the first of what waits for its answers."""
        self._sent.popleft()

    def take_back(self) -> None:
        """Let all that waits for its answers be given again, by new packs only."""
        with self._change:
            self._round += 1
            texts = [text for pack in self._sent for text in pack.texts]
            self._sent.clear()
            self._fresh.extendleft(reversed(texts))
            self._size += sum(map(len, texts))
            self._change.notify_all()

    def close(self) -> None:
        """Read and give no more."""
        with self._change:
            self._closed = True
            self._round += 1
            self._change.notify_all()

    def _read(self) -> None:
        error: Optional[BaseException] = None
        try:
            for batch in self._batches:
                with self._change:
                    self._change.wait_for(lambda: self._size < MAX_LENGTH or self._closed)
                    if self._closed:
                        return
                    self._fresh.extend(batch)
                    self._size += sum(map(len, batch))
                    self._change.notify_all()
        except BaseException as problem:  # raised where the lists are taken
            error = problem
        with self._change:
            self._error, self._ended = error, True
            self._change.notify_all()

    def _next(self, most: int, this_round: int) -> Optional[Pack]:
        with self._change:
            self._change.wait_for(lambda: self._fresh or self._ended or self._round != this_round)
            if self._round != this_round:
                return None
            if not self._fresh:
                if self._error:
                    raise self._error
                return None
            pack = Pack(most if len(self._fresh) > FEW else 1)
            while self._fresh and pack.take(self._fresh[0]):
                self._size -= len(self._fresh.popleft())
            self._sent.append(pack)
            self._change.notify_all()
            return pack
