"""Outbox: sends a client's requests to the input queue."""

from __future__ import annotations

from dataclasses import dataclass, replace
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
from .replies import Replies

SENDERS, UPLOADERS = 8, 4
ROOM = 100  # requests waiting to be sent at which `put` starts to block
UNKNOWN = 20.0  # seconds for which an error that nobody knows is retried: it may not be theirs
SMALLEST = 1024  # bytes that every queue accepts


@dataclass
class Outbox:
    """Sends requests in batches of ten, long bodies by way of the bucket, on its own threads.

    If a request cannot be sent, its future gets the error; the others are not affected.

    Args:
        replies: reads the queue for the replies
        check_in: puts a body that is too long for SQS into the bucket
    """

    inbox: Queue
    replies: Replies
    check_in: Callable[[Request], Request]
    patience: Patience

    def __post_init__(self) -> None:
        self._doing = f"send to {self.inbox.name}"
        self._sending = Batcher("send", SENDERS, MAX_BATCH, ROOM, self._send)
        self._uploading = Batcher("upload", UPLOADERS, 1, UPLOADERS, self._upload)

    def submit(self, request: Request) -> Pending:
        """Send a request, and start to poll for its reply."""
        pending = self.replies.awaited.expect(request)
        self.replies.intake.wake()
        self.put(pending)
        return pending

    def put(self, pending: Pending) -> None:
        """Queue a request for sending; blocks while too many are waiting."""
        for message in self._written([pending]).values():
            # Up to this size ten messages fit a batch; for longer ones S3 is cheaper.
            (self._uploading if size_of(message) > INLINE else self._sending).put([pending])

    def close(self) -> None:
        """Drop what has not been sent, and end the threads and the replies."""
        self._sending.close()
        self._uploading.close()
        self.replies.close()

    def _written(self, batch: Sequence[Pending]) -> Dict[Pending, Message]:
        """Serialise requests; a future gets the error of its own, which costs the others nothing.

        Whoever asked may have changed the parameters since the request was put.
        """
        messages = {}
        for pending in batch:
            try:
                message = replace(pending.request, reply_to=self.replies.queue.name).to_message()
                size_of(message)  # raises for what is no text
                messages[pending] = message
            except InvalidMessage as error:
                pending.settle(Reply.error(str(error)))
            except Exception as error:  # such as a body that is no text
                pending.fail(error)
        return messages

    def _upload(self, batch: List[Pending]) -> Sequence[Pending]:
        """Put long bodies into the bucket, and queue their requests, now short, for sending."""
        self._sending.put([pending for pending in batch if self._checked_in(pending)])
        return ()

    def _checked_in(self, pending: Pending) -> bool:
        """Put a body into the bucket; return whether its request is to be sent."""
        try:
            if not pending.future.done():
                pending.request = self.check_in(pending.request)
                return True
        except RequestRejected as error:
            pending.settle(Reply.error(str(error)))
        except BaseException as error:
            pending.fail(error)
        return False

    def _send(self, batch: List[Pending]) -> Sequence[Pending]:
        """Send the requests that somebody still waits for; return those to retry."""
        messages = self._written([pending for pending in batch if not pending.future.done()])
        waiting, began = list(messages), clock.now()
        try:
            failures = self.inbox.send(list(messages.values()))
            if waiting and not failures:
                self.patience.over(self._doing, began)
            failed = [(waiting[at], error) for at, error in failures.items()]
            return [each for each, error in failed if self._again(each, messages[each], error)]
        except BaseException as error:
            for pending in waiting:
                pending.fail(error)
            raise

    def _again(self, pending: Pending, message: Message, error: Exception) -> bool:
        """Return whether to retry a request; if not, its future gets the error."""
        if is_refusal(error):
            # S3 takes a body that is too long for the queue, or otherwise not to its taste.
            if not pending.request.payload_key and size_of(message) > SMALLEST:
                return self._checked_in(pending)
            pending.settle(Reply.error(f"SQS refused the request: {explain(error)}"))
            return False
        unknown = not is_passing(error) and clock.now() - pending.since > UNKNOWN
        if unknown or is_denied(error) or is_missing_queue(error):
            pending.fail(error)
            return False
        self.patience.met(self._doing, error)
        return True
