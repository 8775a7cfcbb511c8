"""The faults suite needs a server that holds under load what AWS promises."""

import pytest

from scripts.local_aws import LocalAws
from tests.conftest import UNLIKE_AWS


@pytest.fixture(autouse=True)
def _server_that_holds(aws: LocalAws) -> None:
    """Leave the suite out where faults of the server would be taken for ours."""
    if (aws.kind, "load") in UNLIKE_AWS:
        pytest.skip(UNLIKE_AWS[aws.kind, "load"])
