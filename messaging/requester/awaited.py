"""Awaited: the requests under way, and who waits for their replies."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field, replace
from typing import Dict, List, Sequence

from ..errors import InvalidMessage
from ..flow.recent import Recent
from ..wire.envelope import Reply, Request

REMEMBERED = 10_000  # ids of replies not awaited any more, by which to know duplicates


@dataclass(eq=False)
class Pending:
    """A request under way, and the future of its reply."""

    request: Request
    future: Future[Reply] = field(default_factory=Future)

    def settle(self, reply: Reply) -> None:
        """Give the reply to who waits, if somebody still does, and keep no body for it."""
        with contextlib.suppress(InvalidStateError):
            self.future.set_result(reply)
        self.request = replace(self.request, body="")

    def fail(self, error: BaseException) -> None:
        """Raise an error where the reply is waited for."""
        with contextlib.suppress(InvalidStateError):
            self.future.set_exception(error)


class Awaited:
    """Knows which replies are awaited, and gives each to who awaits it, once.

    Attributes:
        arrivals: replies that were given so far
    """

    def __init__(self) -> None:
        self._pending: Dict[str, Pending] = {}
        self._known = Recent(REMEMBERED)
        self.arrivals = 0

    def __len__(self) -> int:
        return len(self._pending)

    def all(self) -> List[Pending]:
        """Give all requests under way."""
        return list(self._pending.values())

    def expect(self, request: Request) -> Pending:
        """Await a reply; to be called before its request is sent.

        Raises InvalidMessage if a request of the same correlation id is under way.
        """
        pending = Pending(request)
        if self._pending.setdefault(request.correlation_id, pending) is not pending:
            raise InvalidMessage(
                f"a request with the correlation id {request.correlation_id!r} is under way already"
            )
        return pending

    def give(self, reply: Reply) -> bool:
        """Give a reply to who awaits it; tell whether it was meant for us at all."""
        pending = self._pending.pop(reply.correlation_id, None)
        if pending is None:
            return reply.correlation_id in self._known
        self._known.add([reply.correlation_id])
        self.arrivals += 1
        pending.settle(reply)
        return True

    def forget(self, pending: Sequence[Pending]) -> None:
        """Await these no longer; what still comes for them is thrown away."""
        for each in pending:
            if self._pending.get(each.request.correlation_id) is each:
                self._known.add([each.request.correlation_id])
                del self._pending[each.request.correlation_id]
            each.future.cancel()

    def fail(self, error: BaseException) -> None:
        """Raise an error wherever a reply is waited for."""
        for each in self.all():
            each.fail(error)
