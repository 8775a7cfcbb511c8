"""Awaited: the requests in flight, and the futures of their replies."""

from __future__ import annotations

import contextlib
from concurrent.futures import Future, InvalidStateError
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Dict, List

from .. import clock
from ..flow.recent import Recent
from ..wire.envelope import Reply, Request

REMEMBERED = 10_000  # ids of finished requests; a duplicate of an older one counts as a stranger's
_NOBODYS = (InvalidStateError, SystemExit)  # nobody waits any more; a callback's own, not ours


@dataclass(eq=False)
class Pending:
    """A request in flight, and the future of its reply."""

    request: Request
    future: Future[Reply] = field(default_factory=Future)
    since: float = field(default_factory=lambda: clock.now())

    def settle(self, reply: Reply) -> None:
        """Resolve the future, if somebody still waits, and drop the request's body."""
        with contextlib.suppress(*_NOBODYS):
            self.future.set_result(reply)
        self.request = replace(self.request, body="")

    def fail(self, error: BaseException) -> None:
        """Make the future raise an error."""
        with contextlib.suppress(*_NOBODYS):
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
        """Register a request until its future is done; a second one of its id is refused."""
        pending, correlation_id = Pending(request), request.correlation_id
        if self._pending.setdefault(correlation_id, pending) is pending:
            pending.future.add_done_callback(partial(self._forget, correlation_id))
        else:
            sentence = f"a request with the correlation id {correlation_id!r} is under way already"
            pending.settle(Reply.error(sentence))
        return pending

    def give(self, reply: Reply) -> bool:
        """Resolve the future that awaits a reply; return whether it was meant for us at all."""
        pending = self._pending.pop(reply.correlation_id, None)
        if pending is None:
            return reply.correlation_id in self._known
        self.arrivals += 1
        pending.settle(reply)
        return True

    def fail(self, error: BaseException) -> None:
        """Raise an error wherever a reply is awaited now."""
        for pending in self.all():
            pending.fail(error)

    def _forget(self, correlation_id: str, future: Future[Reply]) -> None:
        """Discard replies that still arrive for a request, whose future is done."""
        self._known.add([correlation_id])
        pending = self._pending.get(correlation_id)
        if pending and pending.future is future:
            self._pending.pop(correlation_id, None)  # a poller may be faster
