"""Outbox: sends a client's requests to the input queue."""

from __future__ import annotations

from dataclasses import replace
from typing import Callable, Dict, List, Sequence

from .. import clock
from ..aws.advice import explain
from ..aws.patience import Patience
from ..aws.queue_calls import MAX_BATCH, Queue
from ..aws.trouble import is_denied, is_missing_queue, is_passing, is_refusal
from ..errors import InvalidMessage, RequestRejected
from ..flow.batcher import Batcher
from ..wire.envelope import INLINE, Message, Reply, Request, size_of
from .awaited import Pending

SENDERS, UPLOADERS = 8, 4
ROOM = 100  # requests waiting to be sent at which `put` starts to block
PATIENCE = 20.0  # seconds for which an unknown error is retried before the request fails
SMALLEST = 1024  # bytes that every queue accepts


class Outbox:
    """Sends requests in batches of ten, long bodies by way of the bucket, on its own threads.

    If a request cannot be sent, its future gets the error; the others are not affected.

    Args:
        reply_to: returns the name of the queue for the replies
        check_in: puts a body that is too long for SQS into the bucket
    """

    def __init__(
        self,
        inbox: Queue,
        reply_to: Callable[[], str],
        check_in: Callable[[Request], Request],
        patience: Patience,
    ) -> None:
        self._inbox = inbox
        self._reply_to = reply_to
        self._check_in = check_in
        self._patience = patience
        self._doing = f"send to {inbox.name}"
        self._failing: Dict[Pending, float] = {}  # since when
        self._sending = Batcher("send", SENDERS, MAX_BATCH, ROOM, self._send)
        self._uploading = Batcher("upload", UPLOADERS, 1, UPLOADERS, self._upload)

    def put(self, pending: Pending) -> None:
        """Queue a request for sending; blocks while too many are waiting."""
        try:
            message = self._write(pending.request)
        except InvalidMessage as error:
            pending.settle(Reply.error(str(error)))
            return
        # Up to this size ten messages fit a batch; for longer ones S3 is cheaper.
        long = len(pending.request.body) > INLINE or size_of(message) > INLINE
        (self._uploading if long else self._sending).put([pending])

    def close(self) -> None:
        """Drop what has not been sent, and end the threads."""
        self._sending.close()
        self._uploading.close()

    def _write(self, request: Request) -> Message:
        return replace(request, reply_to=self._reply_to()).to_message()

    def _upload(self, batch: List[Pending]) -> Sequence[Pending]:
        """Put long bodies into the bucket, and queue their requests, now short, for sending."""
        self._sending.put([pending for pending in batch if self._checked_in(pending)])
        return ()

    def _checked_in(self, pending: Pending) -> bool:
        """Put a body into the bucket; return whether its request is to be sent."""
        try:
            if not pending.future.done():
                pending.request = self._check_in(pending.request)
                return True
        except RequestRejected as error:
            pending.settle(Reply.error(str(error)))
        except BaseException as error:
            pending.fail(error)
        return False

    def _send(self, batch: List[Pending]) -> Sequence[Pending]:
        """Send the requests that somebody still waits for; return those to retry."""
        waiting = [pending for pending in batch if not pending.future.done()]
        began = clock.now()
        try:
            failures = self._inbox.send([self._write(pending.request) for pending in waiting])
        except BaseException as error:
            for pending in waiting:
                pending.fail(error)
            raise
        if waiting and not failures:
            self._patience.over(self._doing, began)
        again = [waiting[at] for at, error in failures.items() if self._again(waiting[at], error)]
        for pending in batch:
            if pending not in again:
                self._failing.pop(pending, None)
        return again

    def _again(self, pending: Pending, error: Exception) -> bool:
        """Return whether to retry a request; if not, its future gets the error."""
        if is_refusal(error):
            return self._travels_by_bucket(pending, error)
        if is_denied(error) or is_missing_queue(error) or self._is_hopeless(pending, error):
            pending.fail(error)
        else:
            self._patience.met(self._doing, error)
            return True
        return False

    def _travels_by_bucket(self, pending: Pending, error: Exception) -> bool:
        """Put a body that is too long for its queue into the bucket; refuse any other request."""
        request = pending.request
        is_long = request.payload_key is None and size_of(self._write(request)) > SMALLEST
        if is_long and is_about_length(error):
            return self._checked_in(pending)
        pending.settle(Reply.error(f"SQS refused the request: {explain(error)}"))
        return False

    def _is_hopeless(self, pending: Pending, error: Exception) -> bool:
        """Return whether this is an unknown error that has persisted for PATIENCE seconds."""
        since = self._failing.setdefault(pending, clock.now())
        return not is_passing(error) and clock.now() - since > PATIENCE


def is_about_length(error: Exception) -> bool:
    """Return whether SQS refused a message as too long, which a queue's own limit may cause."""
    text = str(error).lower()
    return "bytes" in text or "toolong" in text or "shorter" in text
