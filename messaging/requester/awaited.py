"""Awaited: the requests in flight, and the futures of their replies."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field, replace
from typing import Dict, List

from .. import clock
from ..flow.recent import Recent
from ..wire.envelope import Reply, Request

REMEMBERED = 10_000  # ids of finished requests; a duplicate of an older one counts as a stranger's


@dataclass(eq=False)
class Pending:
    """A request in flight, and the future of its reply."""

    request: Request
    future: Future[Reply] = field(default_factory=Future)
    since: float = field(default_factory=lambda: clock.now())

    def settle(self, reply: Reply) -> None:
        """Resolve the future, if somebody still waits, and drop the request's body."""
        with contextlib.suppress(InvalidStateError):
            self.future.set_result(reply)
        self.request = replace(self.request, body="")

    def fail(self, error: BaseException) -> None:
        """Make the future raise an error."""
        with contextlib.suppress(InvalidStateError):
            self.future.set_exception(error)


class Awaited:
    """Matches replies to the requests in flight, and resolves the future of each once.

    Attributes:
        arrivals: number of replies matched so far
    """

    def __init__(self) -> None:
        self._pending: Dict[str, Pending] = {}
        self._known = Recent(REMEMBERED)
        self.arrivals = 0

    def __len__(self) -> int:
        return len(self._pending)

    def all(self) -> List[Pending]:
        """Return all requests in flight."""
        return list(self._pending.values())

    def expect(self, request: Request) -> Pending:
        """Register a request before it is sent; a second one of its correlation id is refused."""
        pending, correlation_id = Pending(request), request.correlation_id
        if self._pending.setdefault(correlation_id, pending) is not pending:
            sentence = f"a request with the correlation id {correlation_id!r} is under way already"
            pending.settle(Reply.error(sentence))
        return pending

    def give(self, reply: Reply) -> bool:
        """Resolve the future that awaits a reply; return whether it was meant for us at all."""
        pending = self._pending.pop(reply.correlation_id, None)
        if pending is None:
            return reply.correlation_id in self._known
        self._known.add([reply.correlation_id])
        self.arrivals += 1
        pending.settle(reply)
        return True

    def forget(self, *pending: Pending) -> None:
        """Cancel these futures; replies that still arrive for them are discarded."""
        for each in pending:
            if self._pending.get(each.request.correlation_id) is each:
                self._known.add([each.request.correlation_id])
                self._pending.pop(each.request.correlation_id, None)  # a poller may be faster
            each.future.cancel()

    def fail(self, error: BaseException) -> None:
        """Raise an error wherever a reply is awaited now, and await these no longer."""
        for each in self.all():
            each.fail(error)
            self.forget(each)
