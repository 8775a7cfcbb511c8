"""Session: gets answers to lists, many of which share a message."""

from __future__ import annotations

import sys
from contextlib import closing
from typing import Any, Callable, Generator, Iterable, Iterator, List, NamedTuple, Optional, Union

from calculation import packing
from calculation.backlog import Backlog
from calculation.integers import quoted
from calculation.packing import Outcome, Pack
from messaging import Reply, Request, Requester
from messaging.console import terminal

PACKED_WINDOW = 20  # messages in flight; with more, lists do not gather and packs stay small
SINGLE_WINDOW = 1000


class Answers(NamedTuple):
    """The outcomes of lists that were sent together, in order.

    `log_key` names the log object about them, None if there is none.
    """

    outcomes: List[Outcome]
    log_key: Optional[str]


class Session:
    """Asks for lists through a requester, which carries messages."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    def ask(
        self,
        items: Iterable[List[str]],
        timeout: float,
        waiting: Callable[[float], None] = lambda seconds: None,
    ) -> Iterator[Answers]:
        """Send lists as they come, and yield the outcomes in the same order, some at a time.

        Whatever has been read when a message can be sent goes with it. A worker that does not
        know packed lists gets them one by one. Raises what `Requester.ask` and the items raise.
        """
        backlog = Backlog(items)
        try:
            for most, window in ((packing.MAX_LISTS, PACKED_WINDOW), (1, SINGLE_WINDOW)):
                packs = map(_item, backlog.packs(most))
                replies = self._requester.ask(packs, timeout, waiting, window)
                if (yield from _answers(backlog, replies)):
                    return
        finally:
            backlog.close()


def _answers(backlog: Backlog, replies: Any) -> Generator[Answers, None, bool]:
    """Yield outcomes for as long as each list of a pack is answered; return whether all were."""
    with closing(replies):
        for reply in replies:
            pack = backlog.oldest()
            answers = _read(pack, reply)
            if answers is None:
                backlog.take_back()
                return False
            yield Answers(pack.outcomes(answers), reply.log_key)
            backlog.answered()
    return True


def _item(pack: Pack) -> Union[Request, Reply]:
    """Return the request for a pack, or a local reply if none of its lists is to be sent."""
    if not pack.lists:
        return Reply("")
    if len(pack.lists) == 1:
        return Request(pack.lists[0])
    return Request("\n".join(pack.lists), parameters={packing.PARAMETER: len(pack.lists)})


def _read(pack: Pack, reply: Reply) -> Optional[List[Outcome]]:
    """Parse the answers to a pack; if any is missing, tell the person and return None."""
    count = len(pack.lists)
    if count == 0:
        return []
    if count == 1:
        return [packing.read(reply.body) if reply.ok else reply.body]
    answers = packing.read_all(reply.body, count) if reply.ok else None
    if answers is None:
        why = f"{count} lists in one message were not answered each ({quoted(reply.body)})"
        terminal.show(f"{why}: now one list a message.", sys.stderr)
    return answers
