"""Fixtures of the unit tests."""

import pytest

from tests.unit.clock import Clock


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """A clock in place of the real one."""
    made = Clock()
    monkeypatch.setattr("messaging.clock.now", made.now)
    return made
