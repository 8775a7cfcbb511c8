"""Fixtures: trees to boot, and stacks of the template."""

import os
import shutil
from pathlib import Path
from typing import Callable, Dict, Iterator

import pytest

from scripts.local_aws import LocalAws
from tests.conftest import Place

from .machine import Machine, copy_of_checkout, debian_tree
from .stack import NAMES, Stack, create

Boot = Callable[..., Machine]
TOOLS = ("systemd-nspawn", "nsenter", "debootstrap")


@pytest.fixture(scope="module")
def code(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the checkout."""
    return copy_of_checkout(tmp_path_factory.mktemp("checkout"))


@pytest.fixture(scope="module")
def boot(request: pytest.FixtureRequest, code: Path) -> Iterator[Boot]:
    """Boots trees; skips if not asked for or not possible here."""
    if not request.config.getoption("--ec2") or "PYTEST_XDIST_WORKER" in os.environ:
        pytest.skip("boots a tree only with --ec2 -n 0")
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if os.geteuid() or missing:
        pytest.skip(f"needs root and {', '.join(missing or TOOLS)}")
    booted = []

    def boot(release: str = "bookworm", *flags: str) -> Machine:
        booted.append(Machine(debian_tree(release), code, flags))
        return booted[-1]

    yield boot
    for machine in booted:
        machine.close()


@pytest.fixture(scope="module")
def shared(aws: LocalAws) -> Iterator[Place]:
    """Names that all tests of a module use."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in aws.environment.items():
            patch.setenv(name, value)
        made = Place(aws.url, aws.environment)
        yield made
        made.close()


@pytest.fixture(scope="session")
def stacks() -> Iterator[Dict[str, Stack]]:
    """Both stacks, on a server of their own, since their names are fixed."""
    with LocalAws() as aws:
        if aws.kind != "ministack":
            pytest.skip("moto's server makes only some of the stack")
        yield {part: create(aws, part) for part in NAMES}
