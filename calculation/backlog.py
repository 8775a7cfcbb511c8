"""Backlog: lists that were read, of which some are sent and await their answers."""

from __future__ import annotations

import threading
from collections import deque
from typing import Deque, Iterable, Iterator, List, Optional

from calculation.packing import MAX_LENGTH, Pack

FEW = 10  # lists; they fit one batch of messages, so packing so few would save nothing


class Backlog:
    """Reads lists on a thread of its own, ahead by as many as fit one message.

    The thread is a daemon and is never joined: its input may block for ever.
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
        """Yield whatever has been read, up to `most` lists in a pack; a few go one by one.

        Ends with the input, or when `take_back` or `close` is called; raises what reading raised.
        """
        with self._change:
            this_round = self._round
        return iter(lambda: self._next(most, this_round), None)

    def oldest(self) -> Pack:
        """Return the first pack that awaits its answers."""
        return self._sent[0]

    def answered(self) -> None:
        """Drop the first pack that awaits its answers: they have come."""
        self._sent.popleft()

    def take_back(self) -> None:
        """Put everything unanswered back in front, to be packed anew; ends the packs so far."""
        with self._change:
            self._round += 1
            texts = [text for pack in self._sent for text in pack.texts]
            self._sent.clear()
            self._fresh.extendleft(reversed(texts))
            self._size += sum(map(len, texts))
            self._change.notify_all()

    def close(self) -> None:
        """Stop reading, and end the packs."""
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
        except BaseException as problem:  # raised by whoever takes the lists
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
