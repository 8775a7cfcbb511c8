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
    Callable,
    Iterable,
    Iterator,
    NamedTuple,
    Optional,
    TypeVar,
    Union,
)

from ..aws.bucket import Storage
from ..aws.connection import Connection
from ..aws.making import open_bucket, open_queue
from ..aws.patience import Patience
from ..aws.queues import Queue
from ..aws.trouble import is_lasting
from ..errors import ReplyTimeout
from ..wire.envelope import Reply, Request
from .outbox import Outbox
from .replies import Replies

if TYPE_CHECKING:
    Slots = queue.Queue[Optional[Future[Reply]]]

T = TypeVar("T")

WINDOW = 1000  # requests under way at most, so that memory does not grow with their number

Item = Union[Request, Reply]


class Session(NamedTuple):
    """What a requester has once it has asked something."""

    replies: Replies
    inbox: Queue
    outbox: Outbox


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
        self._opening = threading.RLock()
        self._storage: Optional[Storage] = None
        self._made: Optional[Future[Replies]] = None
        self._session: Optional[Session] = None

    def __enter__(self) -> Requester:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete the reply queue if it is our own, and end all threads."""
        self._closed.set()
        if self._session:
            self._session.outbox.close()
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
        session = self._open()
        slots: Slots = queue.Queue(WINDOW)
        given_up = threading.Event()
        feed = (items, slots, session, given_up)
        threading.Thread(target=self._feed, args=feed, name="feeder", daemon=True).start()
        try:
            for future in iter(slots.get, None):
                yield self._wait(future, session.replies, timeout, waiting)
        finally:
            given_up.set()
            session.replies.forget()
            self._drain(slots)

    def storage(self) -> Storage:
        """Give the bucket, which is looked up when first asked for."""
        with self._opening:
            if self._storage is None:
                storage = self._connection.storage(self._open().inbox.account)
                open_bucket(storage)
                self._storage = storage
            return self._storage

    def patiently(self, call: Callable[[], T], doing: str) -> T:
        """Give what a call to AWS returns, waiting out all trouble that waiting can mend."""
        return self._patience(call, doing, is_lasting)

    def _open(self) -> Session:
        """Make the reply queue and, meanwhile, find the input queue."""
        with self._opening:
            if self._session is None:
                self._session = self._make_session()
            return self._session

    def _make_session(self) -> Session:
        self._connection.check()
        sqs, settings = self._connection.sqs, self._connection.settings
        # On threads, where no KeyboardInterrupt can lose sight of a queue just made.
        with ThreadPoolExecutor(2) as pool:
            if self._made is None or self._made.exception():
                self._made = pool.submit(
                    Replies, self._connection, self._patience, self._shared_queue
                )
            found = pool.submit(open_queue, sqs, settings.input_queue, dead_letter=True)
        replies = self._made.result()
        inbox = replace(found.result(), sqs=self._connection.client("sqs", attempts=1))
        return Session(replies, inbox, Outbox(inbox, replies.name, self._check_in, self._patience))

    def _feed(
        self,
        items: Iterable[Item],
        slots: Slots,
        session: Session,
        given_up: threading.Event,
    ) -> None:
        """Give each item a slot, and each request to the senders."""
        try:
            for item in items:
                if given_up.is_set():
                    return
                if isinstance(item, Request):
                    future = session.replies.expect(item.correlation_id)
                    slots.put(future)
                    session.outbox.put(item, future)
                else:
                    slots.put(_done(item))
        except Exception as error:  # of the items' own making, raised where the replies are read
            slots.put(_failed(error))
        slots.put(None)

    def _check_in(self, request: Request) -> Request:
        """Put a body too long for SQS into the bucket."""
        if request.fits_inline():
            return request
        return self.patiently(lambda: self.storage().check_in(request), "put a body into S3")

    def _wait(
        self,
        future: Future[Reply],
        replies: Replies,
        timeout: float,
        waiting: Callable[[float], None],
    ) -> Reply:
        started = time.monotonic()
        while True:
            if not future.done():
                waiting(time.monotonic() - started)
            try:
                return future.result(timeout=1)
            except NotYet:
                if time.monotonic() - max(started, replies.last_arrival) >= timeout:
                    raise ReplyTimeout(self._advice(timeout)) from None

    def _advice(self, timeout: float) -> str:
        settings, region = self._connection.settings, self._connection.region
        return (
            f"no reply in {timeout:g} s: check that a worker runs, that it reads "
            f"{settings.input_queue} in {region}, and what it says"
        )

    @staticmethod
    def _drain(slots: Slots) -> None:
        """Wait for these replies no longer, nor send what has not been sent of their requests."""
        while True:
            try:
                future = slots.get_nowait()
            except queue.Empty:
                return
            if future:
                future.cancel()


def _done(reply: Reply) -> Future[Reply]:
    future: Future[Reply] = Future()
    future.set_result(reply)
    return future


def _failed(error: Exception) -> Future[Reply]:
    future: Future[Reply] = Future()
    future.set_exception(error)
    return future
