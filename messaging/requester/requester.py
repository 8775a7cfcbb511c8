"""Requester: sends requests and yields their replies in order."""

from __future__ import annotations

import os
import threading
from concurrent.futures import Future
from dataclasses import replace
from typing import Callable, Iterable, Iterator, Optional, TypeVar

from ..aws.connection import ANSWER, Connection
from ..aws.patience import Patience
from ..aws.queues import open_queue
from ..aws.storage import Storage
from ..errors import MessagingError
from ..wire.envelope import Reply, Request
from .asking import Asking, Item
from .awaited import Awaited, Pending
from .outbox import Outbox
from .replies import Replies

T = TypeVar("T")

WINDOW = 1000  # requests in flight; more would cost memory, fewer leave workers idle
CLOSED = "this Requester is closed: make another one"
UNKNOWN_CALLER = "unknown"  # folder for long bodies if STS does not say who we are


class Requester:
    """Sends requests to an input queue and receives the replies from a reply queue.

    The reply queue is private, created for the first request and deleted by `close`, unless
    `shared_queue` names one to share. AWS is not called before the first request. Safe to use
    from several threads, but only in the process that created it.
    """

    def __init__(self, connection: Connection, shared_queue: Optional[str] = None) -> None:
        self._connection = connection
        self._shared_queue = shared_queue
        self._process = os.getpid()
        self._patience = Patience(connection.renew)
        self._awaited = Awaited()
        self._opening = threading.RLock()
        self._closed = False
        self._outbox: Optional[Outbox] = None
        self._storage: Optional[Storage] = None

    def __enter__(self) -> Requester:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Delete the reply queue if it is private, and end all threads; returns within seconds."""
        if os.getpid() != self._process:  # a forked child must not close its parent's
            return
        self._closed = True
        self._patience.end()
        self._awaited.fail(MessagingError(CLOSED))
        if self._outbox:
            self._outbox.close()

    def submit(self, request: Request) -> Future[Reply]:
        """Send a request; return the future of its reply: no worker, no reply."""
        return self._submit(request).future

    def ask(
        self,
        items: Iterable[Item],
        timeout: float,
        waiting: Callable[[float], None] = lambda seconds: None,
        window: int = WINDOW,
    ) -> Iterator[Reply]:
        """Send requests as the items come, and yield their replies in the same order.

        A Reply among the items, such as a refusal on the spot, is passed through in its place.
        Raises ReplyTimeout, or botocore's errors where AWS fails in a way that retrying won't fix.

        Args:
            timeout: seconds without any reply after which to give up
            waiting: called at the start of a wait and every second with the seconds so far
            window: most items in flight
        """
        self._open()  # raises here and now if AWS cannot be used
        settings, region = self._connection.settings, self._connection.region
        advice = (
            f"no reply in {timeout:g} s: check that a worker runs, that it reads "
            f"{settings.input_queue} in {region}, and what it says"
        )
        return Asking(
            items, self._submit, self._awaited, window, timeout, waiting, advice
        ).replies()

    def storage(self) -> Storage:
        """Return the bucket; the first call finds or creates it."""
        with self._opening:
            if self._storage is None:
                storage = self._connection.storage(self._open().inbox.account)
                storage.open()
                s3 = self._connection.client("s3", attempts=1, seconds=ANSWER)
                self._storage = replace(storage, s3=s3)
            return self._storage

    def patiently(self, call: Callable[[], T], doing: str) -> T:
        """Return the result of a call to AWS, retried until it works or cannot work."""
        return self._patience(call, doing)

    def _open(self) -> Outbox:
        """Create the reply queue while finding the input queue, the first time."""
        if os.getpid() != self._process:
            raise MessagingError("a Requester is for the process that made it: make another one")
        if self._closed:
            raise MessagingError(CLOSED)
        if self._outbox is None:  # else no lock: it may be held while the bucket is looked for
            with self._opening:
                self._outbox = self._outbox or self._make_outbox()
            if self._closed:  # too early for `close` to do it
                self._outbox.close()
                raise MessagingError(CLOSED)
        return self._outbox

    def _submit(self, request: Request) -> Pending:
        pending = self._open().submit(request)
        if self._closed:  # meanwhile, so that it was too late for `close` to fail this one
            pending.fail(MessagingError(CLOSED))
        return pending

    def _make_outbox(self) -> Outbox:
        connection, how = self._connection, (self._awaited, self._patience)
        connection.check()
        replies = Replies(connection, *how, lambda each: self._open().put(each), self._shared_queue)
        try:
            inbox = open_queue(connection.sqs, connection.settings.input_queue, dead_letter=True)
            inbox = replace(inbox, sqs=connection.client("sqs", attempts=1, seconds=ANSWER))
            replies.opened.result()
            return Outbox(inbox, replies, self._check_in, self._patience)
        except BaseException:
            replies.close()
            raise

    def _check_in(self, request: Request) -> Request:
        """Put a body that is too long for SQS into the bucket, in the caller's own folder."""
        storage = self.storage()
        try:
            caller = self._connection.user_id()
        except Exception:  # a server that is not AWS may answer anything
            caller = UNKNOWN_CALLER
        return self.patiently(lambda: storage.check_in(request, caller), "put a body into S3")
