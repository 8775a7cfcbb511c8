"""Of many ids the latest are remembered."""

from messaging.flow.recent import Recent


def test_the_latest_ids_are_known() -> None:
    """The oldest ids make room for new ones; a known id takes no room."""
    recent = Recent(3)
    recent.add(["a", "b", "b"])
    recent.add(["a", "c"])
    assert all(each in recent for each in "abc")

    recent.add(["d"])
    assert [each in recent for each in "abcd"] == [False, True, True, True]
