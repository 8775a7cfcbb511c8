"""Outbox: a client's requests on their way to the input queue."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, InvalidStateError
from dataclasses import replace
from typing import Callable, List, Tuple

from ..aws.patience import Patience
from ..aws.queues import MAX_BATCH, Queue
from ..aws.trouble import EntryError, is_lasting
from ..errors import InvalidMessage, RequestRejected
from ..flow.stage import Failed, Stage
from ..wire.envelope import Message, Reply, Request

SENDERS = 8

Letter = Tuple[Request, "Future[Reply]"]


class Outbox:
    """Sends requests by tens, on threads of its own.

    What stands in the way of a request is told by the future of its reply.

    Args:
        reply_to: where the replies are to go
        check_in: puts a body too long for SQS into the bucket
    """

    def __init__(
        self,
        inbox: Queue,
        reply_to: str,
        check_in: Callable[[Request], Request],
        patience: Patience,
    ) -> None:
        self._inbox = inbox
        self._reply_to = reply_to
        self._check_in = check_in
        room = SENDERS * MAX_BATCH
        doing = f"send to {inbox.name}"
        self._stage = Stage(doing, SENDERS, MAX_BATCH, room, self._send, patience)
        self._stage.start()

    def put(self, request: Request, future: Future[Reply]) -> None:
        """Have a request sent; waits while too many are waiting."""
        self._stage.put([(request, future)])

    def close(self) -> None:
        """Forget what has not been sent, and end the threads."""
        self._stage.close()

    def _send(self, letters: List[Letter]) -> Failed[Letter]:
        try:
            ready = self._prepare(letters)
            failures = self._inbox.send([message for _, message in ready])
            failed = [(ready[position][0], error) for position, error in failures.items()]
            return [each for each in failed if not _is_told(*each)]
        except Exception as error:
            for _, future in letters:
                with contextlib.suppress(InvalidStateError):
                    future.set_exception(error)
            return []

    def _prepare(self, letters: List[Letter]) -> List[Tuple[Letter, Message]]:
        """Address requests and put long bodies into the bucket; refuse what cannot travel.

        Leaves out those that nobody waits for, or whose reply came though the sending failed.
        """
        ready: List[Tuple[Letter, Message]] = []
        for request, future in letters:
            if future.done():
                continue
            try:
                addressed = self._check_in(replace(request, reply_to=self._reply_to))
                ready.append(((addressed, future), addressed.to_message()))
            except (InvalidMessage, RequestRejected) as error:
                future.set_result(Reply.error(str(error)))
        return ready


def _is_told(letter: Letter, error: Exception) -> bool:
    """Tell who waits for the reply of an error that lasts; whether it is one."""
    _, future = letter
    with contextlib.suppress(InvalidStateError):  # its reply came, or nobody waits any more
        if isinstance(error, EntryError) and error.refused:
            future.set_result(Reply.error(f"SQS refused the request: {error.code}"))
        elif is_lasting(error):
            future.set_exception(error)
    return is_lasting(error)
