"""Lists gather while they cannot be sent, and none is lost when they have to be resent."""

from __future__ import annotations

import queue
import threading
from typing import TYPE_CHECKING, Iterator, List, Optional

import pytest

from calculation.backlog import FEW, Backlog
from calculation.packing import MAX_LENGTH, MAX_LISTS, Pack

if TYPE_CHECKING:
    Typed = queue.Queue[Optional[List[str]]]


@pytest.fixture
def typed() -> Typed:
    """Items that are going to be typed; None ends them."""
    return queue.Queue()


@pytest.fixture
def backlog(typed: Typed) -> Iterator[Backlog]:
    """A backlog of typed items."""
    made = Backlog(iter(typed.get, None))
    yield made
    made.close()


def numbers(start: int, end: int) -> List[str]:
    """Return lists of one number each."""
    return [str(number) for number in range(start, end)]


def test_each_is_given_as_soon_as_it_is_there(backlog: Backlog, typed: Typed) -> None:
    """Each item is returned as soon as it is typed, and the end ends it."""
    packs = backlog.packs(MAX_LISTS)
    for number in numbers(0, 3):
        typed.put([number])
        assert next(packs).texts == [number]

    typed.put(None)
    assert next(packs, None) is None


def test_a_few_go_singly(backlog: Backlog, typed: Typed) -> None:
    """As many as fit one batch request are sent singly; one more, and they are packed."""
    typed.put(numbers(0, FEW))
    packs = backlog.packs(MAX_LISTS)
    assert [next(packs).texts for _ in range(FEW)] == [[text] for text in numbers(0, FEW)]

    typed.put(numbers(0, FEW + 1))
    assert next(packs).texts == numbers(0, FEW + 1)


def test_what_is_there_goes_along(backlog: Backlog, typed: Typed) -> None:
    """Waiting lists go together, as far as a message has room."""
    typed.put(numbers(0, MAX_LISTS + FEW))
    packs = backlog.packs(MAX_LISTS)

    first = next(packs).texts
    assert len(first) > 500
    typed.put(None)
    others = [text for pack in packs for text in pack.texts]
    assert first + others == numbers(0, MAX_LISTS + FEW)


def test_all_that_waits_for_answers_can_be_taken_back(backlog: Backlog, typed: Typed) -> None:
    """Unanswered lists can be returned again, in order, and whoever awaited them gets nothing."""
    typed.put(numbers(0, 600))
    typed.put(numbers(600, 1200))
    packs = backlog.packs(MAX_LISTS)
    given: List[Pack] = [next(packs)]
    answered = len(backlog.oldest().texts)
    backlog.answered()
    ended = threading.Event()

    def take_all() -> None:
        given.extend(packs)
        ended.set()

    threading.Thread(target=take_all, daemon=True).start()
    while sum(len(pack.texts) for pack in given[1:]) + answered < 1200:
        ended.wait(0.01)

    backlog.take_back()

    assert ended.wait(10)
    typed.put(["last"])
    typed.put(None)
    singly = [pack.texts for pack in backlog.packs(1)]
    assert singly == [[text] for text in [*numbers(answered, 1200), "last"]]


def test_an_error_of_reading_comes_after_what_was_read() -> None:
    """An error while reading is raised after the lists that were read before it."""

    def broken() -> Iterator[List[str]]:
        yield ["1"]
        raise SystemExit("enough")

    packs = Backlog(broken()).packs(MAX_LISTS)

    assert next(packs).texts == ["1"]
    with pytest.raises(SystemExit, match="enough"):
        next(packs)


def test_reading_stops_where_enough_is_there() -> None:
    """It reads no more than fills a message and a batch."""
    read: List[int] = []

    def endless() -> Iterator[List[str]]:
        while True:
            read.append(1)
            yield ["1" * 99] * 100

    packs = Backlog(endless()).packs(MAX_LISTS)
    for _ in range(50):
        next(packs)

    assert sum(read) * 9900 < 51 * MAX_LENGTH + 3 * 9900


def test_closing_ends_both_sides(backlog: Backlog, typed: Typed) -> None:
    """After close nothing is read or returned."""
    packs = backlog.packs(MAX_LISTS)
    backlog.close()
    typed.put(["1"])

    assert next(packs, None) is None
