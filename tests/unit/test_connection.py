"""A connection renews its credentials whatever happened to it before."""

import threading
from typing import Any

import pytest

from messaging import Connection
from tests.unit.memory_aws import SETTINGS


def test_a_renewal_that_could_not_start_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the system allows no more threads for a moment, credentials are renewed later."""
    connection, renewed, start = Connection(SETTINGS), threading.Event(), threading.Thread.start
    refusals = [RuntimeError("can't start new thread")]

    def start_later(thread: Any) -> None:
        for each in [refusals.pop() for _ in refusals]:
            raise each
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_later)
    monkeypatch.setattr("messaging.aws.credentials.open_session", lambda settings: renewed.set())

    with pytest.raises(RuntimeError):
        connection.renew()
    connection.renew()

    assert renewed.wait(5)
