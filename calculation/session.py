"""Session: has lists answered, many of them in one message."""

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

PACKED_WINDOW = 20  # messages under way at most; while so many are, lists gather for the next
SINGLE_WINDOW = 1000


class Answers(NamedTuple):
    """What became of lists that travelled together, in their order.

    `log_key` names the log object that tells of them, None where there is none.
    """

    outcomes: List[Outcome]
    log_key: Optional[str]


class Session:
    """Asks through a requester."""

    def __init__(self, requester: Requester) -> None:
        self._requester = requester

    def ask(
        self,
        items: Iterable[List[str]],
        timeout: float,
        waiting: Callable[[float], None] = lambda seconds: None,
    ) -> Iterator[Answers]:
        """Send lists as they come, some at a time, and give what became of them in that order.

        What is there when a message can be sent goes along with it. A worker that does not know
        lists packed together gets them one by one. Raises what `Requester.ask` does, and what
        the items do.
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
    """Give what became of lists as long as each was answered; tells whether all were."""
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
    """Make the request of a pack, or, where nothing of it travels, a reply in its place."""
    if not pack.lists:
        return Reply("")
    if len(pack.lists) == 1:
        return Request(pack.lists[0])
    return Request("\n".join(pack.lists), parameters={packing.PARAMETER: len(pack.lists)})


def _read(pack: Pack, reply: Reply) -> Optional[List[Outcome]]:
    """Read the answers to what travelled; None, and a line to the person, if they are not each."""
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
