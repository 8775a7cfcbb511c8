"""The faults suite needs a server that keeps AWS's promises under load."""

import pytest

from scripts.local_aws import LocalAws
from tests.conftest import UNLIKE_AWS


@pytest.fixture(autouse=True)
def _server_that_holds(aws: LocalAws) -> None:
    """Skip the suite where the server's own faults would be taken for ours."""
    if (aws.kind, "load") in UNLIKE_AWS:
        pytest.skip(UNLIKE_AWS[aws.kind, "load"])
