"""Each reply goes to the one who awaits it, once."""

import sys
from typing import List

import pytest

from messaging import Reply, Request
from messaging.requester.awaited import Awaited, Pending


def test_a_reply_is_given_once_to_who_awaits_it() -> None:
    """A reply is delivered once, its duplicate is recognised, a stranger's is not."""
    awaited = Awaited()
    pending = awaited.expect(Request("long", "c"))
    assert (len(awaited), awaited.all(), awaited.arrivals) == (1, [pending], 0)

    assert awaited.give(Reply("first", "c"))
    assert awaited.give(Reply("second", "c"))
    assert not awaited.give(Reply("third", "stranger"))

    assert pending.future.result(0).body == "first"
    assert (len(awaited), awaited.arrivals) == (0, 1)
    assert pending.request.body == ""


def test_one_correlation_id_is_under_way_once() -> None:
    """A correlation id in flight is refused a second time; once answered, it may come again."""
    awaited = Awaited()
    first = awaited.expect(Request("1", "c"))
    refusal = awaited.expect(Request("2", "c")).future.result(0)
    assert refusal.status == "error"
    assert "'c' is under way already" in refusal.body

    awaited.give(Reply("", "c"))
    second = awaited.expect(Request("2", "c"))
    first.future.cancel()  # is not the one under way
    assert awaited.all() == [second]


def test_what_is_forgotten_is_known_and_cancelled() -> None:
    """A reply that comes too late is recognised as ours, and delivered to nobody."""
    awaited = Awaited()
    pending = awaited.expect(Request("1", "c"))
    pending.future.cancel()

    assert awaited.give(Reply("", "c"))
    assert pending.future.cancelled()
    assert len(awaited) == 0
    pending.settle(Reply(""))
    pending.fail(ValueError())


def test_what_is_refused_is_awaited_no_longer() -> None:
    """A request that was refused or failed locally is no longer awaited."""
    awaited = Awaited()
    refused, failed = (awaited.expect(Request("1")) for _ in range(2))
    refused.settle(Reply.error("made"))
    failed.fail(ValueError())

    assert len(awaited) == 0


def test_an_id_used_again_at_once_is_awaited(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever gets a reply may reuse its correlation id before the reply is put aside."""
    awaited = Awaited()
    first = awaited.expect(Request("1", "c"))
    again: List[Pending] = []

    def settle(reply: Reply) -> None:
        again.append(awaited.expect(Request("2", "c")))
        Pending.settle(first, reply)

    monkeypatch.setattr(first, "settle", settle)
    awaited.give(Reply("", "c"))

    assert awaited.all() == again


def test_all_who_wait_can_be_told() -> None:
    """A fatal error is raised for each request in flight."""
    awaited = Awaited()
    made = [awaited.expect(Request("1")) for _ in range(3)]
    awaited.fail(ValueError("made"))

    for pending in made:
        with pytest.raises(ValueError, match="made"):
            pending.future.result(0)


def test_a_callback_that_ends_its_thread_costs_the_others_nothing() -> None:
    """A callback's sys.exit() keeps neither replies nor errors from those who wait beside it."""
    awaited = Awaited()
    first, second, third = (awaited.expect(Request("1", each)) for each in "abc")
    for each in (first, second):
        each.future.add_done_callback(lambda _: sys.exit(3))

    assert awaited.give(Reply("done", "a"))
    awaited.fail(ValueError("made"))

    assert first.future.result(0).body == "done"
    assert [str(each.future.exception(0)) for each in (second, third)] == ["made", "made"]


def test_equal_requests_are_told_apart() -> None:
    """Equal requests in flight are told apart by identity."""
    request = Request("1", "c")
    assert Pending(request) != Pending(request)
