"""Requester: sends requests and gives their replies in order."""

from __future__ import annotations

import queue
import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor
from concurrent.futures import TimeoutError as NotYet
from dataclasses import replace
from typing import (
    TYPE_CHECKING,
    Any,
    Callable,
    Iterable,
    Iterator,
    List,
    Optional,
    Tuple,
    TypeVar,
    Union,
)

from .connection import Connection
from .envelope import Reply, Request
from .errors import InvalidMessage, ReplyTimeout, RequestRejected
from .queues import MAX_BATCH, Queue, open_queue
from .replies import Replies
from .storage import Storage
from .trouble import Patience, is_denied, is_refusal

if TYPE_CHECKING:
    Slots = queue.Queue[Optional[Future[Reply]]]

T = TypeVar("T")

SENDERS = 8
WINDOW = 1000  # requests under way at most, so that memory does not grow with their number

Item = Union[Request, Reply]
Letter = Tuple[Request, "Future[Reply]"]


class Requester:
    """Asks through an input queue and hears through a reply queue.

    The reply queue is its own, made at the first request and deleted by `close`, unless
    `shared_queue` names one to share. Before the first request nothing is asked of AWS.
    """

    def __init__(self, connection: Connection, shared_queue: Optional[str] = None) -> None:
        self._connection = connection
        self._shared_queue = shared_queue
        self._closed = threading.Event()
        self._patience = Patience(self._closed)
        self._outbox: queue.Queue[Optional[Letter]] = queue.Queue(SENDERS * MAX_BATCH)
        self._opening = threading.RLock()
        self._storage: Optional[Storage] = None
        self._made: Optional[Future[Replies]] = None
        self._replies: Optional[Replies] = None
        self._inbox: Optional[Queue] = None

    def __enter__(self) -> Requester:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete the reply queue if it is our own, and end all threads."""
        self._closed.set()
        self._drain(self._outbox)
        self._outbox.put(None)
        if self._made and not self._made.exception():
            self._made.result().close()

    def ask(
        self,
        items: Iterable[Item],
        timeout: float,
        waiting: Callable[[float], None] = lambda seconds: None,
    ) -> Iterator[Reply]:
        """Send requests as they come, and give their replies in the same order.

        A Reply among the items, such as a refusal on the spot, is given in its place. Raises
        ReplyTimeout, or botocore's errors where AWS refuses what waiting cannot mend.

        Args:
            timeout: seconds without any reply after which to give up
            waiting: called at the start of a wait and each second of it with the seconds so far
        """
        replies, _ = self._open()
        slots: Slots = queue.Queue(WINDOW)
        given_up = threading.Event()
        feed = (items, slots, replies, given_up)
        threading.Thread(target=self._feed, args=feed, name="feeder", daemon=True).start()
        try:
            for future in iter(slots.get, None):
                yield self._wait(future, timeout, waiting)
        finally:
            given_up.set()
            replies.forget()
            self._drain(slots)

    def storage(self) -> Storage:
        """Give the bucket, which is looked up when first asked for."""
        with self._opening:
            if self._storage is None:
                storage = self._connection.storage(self._open()[1].account)
                storage.open()
                self._storage = storage
            return self._storage

    def patiently(self, call: Callable[[], T], doing: str) -> T:
        """Give what a call to AWS returns, waiting out all trouble that waiting can mend."""
        return self._patience(call, doing, _is_final)

    def _open(self) -> Tuple[Replies, Queue]:
        """Make the reply queue and, meanwhile, find the input queue."""
        with self._opening:
            if self._replies is None or self._inbox is None:
                sqs, settings = self._connection.sqs, self._connection.settings
                # On threads, where no KeyboardInterrupt can lose sight of a queue just made.
                with ThreadPoolExecutor(2) as pool:
                    if self._made is None or self._made.exception():
                        self._made = pool.submit(
                            Replies, self._connection, self._patience, self._shared_queue
                        )
                    inbox = pool.submit(open_queue, sqs, settings.input_queue, dead_letter=True)
                self._replies = self._made.result()
                self._inbox = inbox.result()
                for _ in range(SENDERS):
                    threading.Thread(target=self._send, name="sender", daemon=True).start()
            return self._replies, self._inbox

    def _feed(
        self, items: Iterable[Item], slots: Slots, replies: Replies, given_up: threading.Event
    ) -> None:
        """Give each item a slot, and each request to the senders."""
        try:
            for item in items:
                if given_up.is_set():
                    return
                if isinstance(item, Request):
                    future = replies.expect(item.correlation_id)
                    slots.put(future)
                    self._outbox.put((item, future))
                else:
                    slots.put(_done(item))
        except Exception as error:  # of the items' own making, raised where the replies are read
            slots.put(_failed(error))
        slots.put(None)

    def _send(self) -> None:
        """Send what has gathered, by tens."""
        while True:
            letters = self._gather()
            if not letters:
                return
            try:
                self._send_batch(letters)
            except Exception as error:  # raised where the replies are read
                for _, future in letters:
                    if not future.done():
                        future.set_exception(error)

    def _gather(self) -> List[Letter]:
        """Wait for a letter and take those behind it; none at the end of the session."""
        letters: List[Letter] = []
        while len(letters) < MAX_BATCH:
            try:
                letter = self._outbox.get(block=not letters)
            except queue.Empty:
                break
            if letter is None:
                self._outbox.put(None)  # for the next sender
                return []
            letters.append(letter)
        return letters

    def _send_batch(self, letters: List[Letter]) -> None:
        replies, inbox = self._open()
        messages, futures = [], []
        for request, future in letters:
            try:
                addressed = replace(request, reply_to=replies.name)
                messages.append(self._check_in(addressed).to_message())
                futures.append(future)
            except (InvalidMessage, RequestRejected) as error:
                future.set_result(Reply.error(str(error)))

        for position, reason in inbox.send(messages, self.patiently).items():
            futures[position].set_result(Reply.error(f"SQS refused the request: {reason}"))

    def _check_in(self, request: Request) -> Request:
        """Put a body too long for SQS into the bucket."""
        if request.fits_inline():
            return request
        return self.patiently(lambda: self.storage().check_in(request), "put a body into S3")

    def _wait(
        self, future: Future[Reply], timeout: float, waiting: Callable[[float], None]
    ) -> Reply:
        started = time.monotonic()
        while True:
            if not future.done():
                waiting(time.monotonic() - started)
            try:
                return future.result(timeout=1)
            except NotYet:
                last = self._replies.last_arrival if self._replies else 0.0
                if time.monotonic() - max(started, last) >= timeout:
                    raise ReplyTimeout(self._advice(timeout)) from None

    def _advice(self, timeout: float) -> str:
        settings, region = self._connection.settings, self._connection.region
        return (
            f"no reply in {timeout:g} s: check that a worker runs, that it reads "
            f"{settings.input_queue} in {region}, and what it says"
        )

    @staticmethod
    def _drain(full: queue.Queue[Any]) -> None:
        """Make room for those who wait to put something in."""
        while True:
            try:
                full.get_nowait()
            except queue.Empty:
                return


def _is_final(error: Exception) -> bool:
    return is_refusal(error) or is_denied(error)


def _done(reply: Reply) -> Future[Reply]:
    future: Future[Reply] = Future()
    future.set_result(reply)
    return future


def _failed(error: Exception) -> Future[Reply]:
    future: Future[Reply] = Future()
    future.set_exception(error)
    return future
