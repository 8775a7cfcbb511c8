"""Lists that share a message fit one billed request each way, and each gets its answer."""

from __future__ import annotations

from typing import Any, Iterator, List

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calculation.packing import MAX_LISTS, Pack, answer, read, read_all, unpack
from calculation.session import Session
from calculation.summary import Summary
from calculation.worker import handle
from messaging import Reply, Request, RequestRejected
from messaging.wire.envelope import size_of

BILLED = 64 * 1024  # bytes that SQS bills as one request
FIVE = Summary(1, 5, 5, 5, 5.0)
nothing: Any = None

item = st.one_of(st.integers(-99, 99), st.integers(-(10**299), 10**299))
lists = st.one_of(
    st.lists(item, min_size=1, max_size=9).map(lambda values: ",".join(map(str, values))),
    st.sampled_from(
        ["", "a", "1,,2", "[3, 1]", "1\u00a0,2", "9" * 300, "1,\n2", "1," * 40_000 + "1"]
    ),
)


def packs(texts: List[str]) -> Iterator[Pack]:
    """Pack lists, as many together as fit."""
    pack = Pack()
    for text in texts:
        if not pack.take(text):
            yield pack
            pack = Pack()
            assert pack.take(text)
    yield pack


@settings(max_examples=30)
@given(st.lists(lists, max_size=30).map(lambda some: some * 30))
def test_a_pack_and_its_reply_are_one_billed_request_each(texts: List[str]) -> None:
    """Whatever the lists, request and reply each fit 64 KiB, unless there is a single list."""
    made = list(packs(texts))

    assert [text for pack in made for text in pack.texts] == texts
    for pack in made:
        body = "\n".join(pack.lists)
        assert len(pack.texts) <= MAX_LISTS
        if len(pack.lists) > 1:
            reply = Reply(answer(unpack(body, len(pack.lists))), "x" * 32, log_key="x" * 80)
            request = Request(body, "x" * 32, "x" * 80, parameters={"lists": 1000})
            assert size_of(request.to_message()) <= BILLED
            assert size_of(reply.to_message()) <= BILLED


def test_short_lists_share_a_message_by_hundreds() -> None:
    """The 64 KiB of their reply limit how many short lists share a message."""
    first, *_ = packs(["3,1,2,-17,100000,42"] * 1000)
    assert 400 < len(first.lists) < 1000


@pytest.mark.parametrize(
    ("body", "count"),
    [
        ("1\n2", -1),
        ("1\n2", 0),
        ("1\n2", 1),
        ("1\n2", 3),
        ("1\n2\n\n", 2),
        ("1\n2", 1e9),
        ("1\n2", 2.0),
        ("1", True),
        ("1\n2", "2"),
        ("1\n2", None),
        ("1\n" * 1000 + "1", 1001),
        ("\n" * 1_000_000, 1000),
        ("1" * BILLED + "\n1", 2),
    ],
)
def test_a_request_that_is_not_what_it_says_is_refused(body: str, count: object) -> None:
    """A wrong or impossible number of lists, or too long a body, is refused in a sentence."""
    with pytest.raises(RequestRejected, match=r"^the parameter lists|characters are too many"):
        handle(Request(body, parameters={"lists": count}), nothing)


@pytest.mark.parametrize("body", ["5\n1,a\n5", "5\r\n1,a\r\n5\r\n", "5\n1,a\n5\n"])
def test_a_list_refused_costs_its_neighbours_nothing(body: str) -> None:
    """Each line has its own answer, whatever the line endings."""
    result = handle(Request(body, parameters={"lists": 3}), nothing)

    assert read_all(result.body, 3) == [FIVE, "item 2, 'a', is not an integer", FIVE]


@pytest.mark.parametrize(
    "line",
    [
        "Min 1 Max 3",
        "",
        "null",
        "[1]",
        "{}",
        '{"min": 1, "max": 3}',
        '{"error": 5}',
        '{"count": true, "min": 1, "max": 1, "median": 1, "mean": 1}',
        '{"count": 1, "min": 1, "max": 1, "median": true, "mean": 1}',
        '{"count": 1.0, "min": 1, "max": 1, "median": 1, "mean": 1}',
        '{"count": 1, "min": 1, "max": 1, "median": "1", "mean": 1}',
        '{"count": 1, "min": 1, "max": 1, "median": 1, "mean": NaN}',
        '{"count": 1, "min": 1, "max": 1, "median": 1, "mean": 1e999}',
        "[" * 100_000,
        "9" * 5000,
    ],
)
def test_what_is_no_summary_refuses_the_list_in_a_sentence(line: str) -> None:
    """Text, parts of a summary and broken JSON are quoted in the refusal."""
    outcome = read(line)

    assert isinstance(outcome, str)
    assert outcome.startswith("the reply is no summary: ")
    assert len(outcome) < 80


def test_keys_that_are_not_known_do_not_matter() -> None:
    """Unknown keys, as of a newer worker, are ignored."""
    line = '{"mode": 5, "count": 1, "min": 5, "max": 5, "median": 5, "mean": 5}'

    assert read(line) == FIVE


class Answering:
    """A requester whose requests a handler answers at once."""

    def __init__(self, handler: Any) -> None:
        self.requests: List[Request] = []
        self._handler = handler

    def ask(self, items: Any, timeout: float, waiting: Any, window: int) -> Iterator[Reply]:
        """Answer each request."""
        for each in items:
            if isinstance(each, Request):
                self.requests.append(each)
                try:
                    yield Reply(self._handler(each))
                except RequestRejected as error:
                    yield Reply.error(str(error))
            else:
                yield each


def new(request: Request) -> str:
    """Answer as our worker does."""
    return handle(request, nothing).body


def old(request: Request) -> str:
    """Answer as a worker that knows only single lists."""
    return handle(Request(request.body), nothing).body


def lazy(request: Request) -> str:
    """Answer only one of the lists."""
    body = request.body.split("\n")[0] if request.parameters else request.body
    return handle(Request(body), nothing).body


def chatty(request: Request) -> str:
    """Answer with one line too many."""
    result = handle(request, nothing).body
    return f"{{}}\n{result}" if request.parameters else result


@pytest.mark.parametrize("worker", [new, old, lazy, chatty])
@settings(max_examples=30)
@given(st.lists(lists, max_size=40))
def test_each_list_has_its_own_outcome_in_order(worker: Any, texts: List[str]) -> None:
    """Each list has its outcome, packed or, with an old worker, one by one."""
    requester: Any = Answering(worker)

    answers = list(Session(requester).ask([texts], 5))

    assert [outcome for each in answers for outcome in each.outcomes] == [
        alone(text) for text in texts
    ]
    together = sum("lists" in request.parameters for request in requester.requests)
    travelled = sum(len(request.body.split("\n")) for request in requester.requests)
    if worker is new:
        assert travelled <= sum(text.count("\n") + 1 for text in texts), "none travels twice"
    else:
        assert together <= 1


def alone(text: str) -> object:
    """Return the outcome of a list by itself."""
    try:
        return read(handle(Request(text), nothing).body)
    except RequestRejected as error:
        return str(error)
