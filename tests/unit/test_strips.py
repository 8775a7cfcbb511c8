"""Strips of an image, shared out to all free processors."""

from threading import Event
from typing import List
from unittest import mock

from hypothesis import given
from hypothesis import strategies as st

from image.formats import strips


@given(st.integers(1, 4), st.integers(1, 99), st.lists(st.integers(0, 99)))
def test_strips_come_in_order(processors: int, height: int, steps: List[int]) -> None:
    """Whoever works on a strip, and whenever its rows are there, the results are in order."""
    cuts = strips.cut(range(height), 7)
    decoded = (min(step, height) for step in sorted(steps))

    with mock.patch.object(strips, "PROCESSORS", strips.Processors(processors)):
        assert list(strips.share(cuts, decoded, list)) == [list(each) for each in cuts]


def test_who_has_decoded_helps() -> None:
    """With two processors the thread that decodes works on strips too, once all are there."""
    first, last = strips.cut(range(2), 1)
    done = Event()

    def work(strip: range) -> bool:
        if strip == last:
            done.set()
        return done.wait(10)

    with mock.patch.object(strips, "PROCESSORS", strips.Processors(2)):
        assert list(strips.share([first, last], (), work)) == [True, True]
