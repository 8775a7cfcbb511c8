"""The integration suite runs against a server with AWS's habits."""

import copy
from typing import Iterator

import pytest

from scripts.local_aws import LocalAws
from tests.gateway import Gateway
from tests.habits import all_habits


@pytest.fixture(scope="session")
def aws(aws: LocalAws) -> Iterator[LocalAws]:
    """The server, behind a gateway that imitates AWS's habits."""
    with Gateway(aws.url) as made:
        made.faults.append(all_habits())
        lent = copy.copy(aws)
        lent.url = made.url
        yield lent
        assert not made.invalid
