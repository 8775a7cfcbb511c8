"""The exact versions for servers."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict

import pytest

from tests.conftest import ROOT

# The oldest C library beside which each Python comes from a distribution, as uv names it.
PLATFORMS = {"3.8": "manylinux_2_17", "3.9": "manylinux_2_31"}
VERSIONS = [f"3.{minor}" for minor in range(8, 15)]


def pinned(version: str) -> Dict[str, str]:
    """Give what constraints.txt says for a Python version."""
    from packaging.requirements import Requirement

    text = (ROOT / "scripts" / "ec2" / "constraints.txt").read_text()
    lines = [Requirement(line) for line in text.splitlines() if line and line[0] != "#"]
    applicable = [
        line
        for line in lines
        if not line.marker or line.marker.evaluate({"python_version": version})
    ]
    return {line.name: str(line.specifier).lstrip("=") for line in applicable}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_package_has_one_version(version: str) -> None:
    """For every Python each package is pinned, exactly and once."""
    from packaging.requirements import Requirement

    text = (ROOT / "scripts" / "ec2" / "constraints.txt").read_text()
    lines = [Requirement(line) for line in text.splitlines() if line and line[0] != "#"]
    names = [
        line.name
        for line in lines
        if not line.marker or line.marker.evaluate({"python_version": version})
    ]

    assert sorted(names) == sorted(set(names)) == sorted({line.name for line in lines})
    assert all(re.fullmatch(r"==[0-9a-z.]+", str(line.specifier)) for line in lines)


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_versions_resolve_from_wheels(
    version: str, machine: str, request: pytest.FixtureRequest
) -> None:
    """The pinned versions, and nothing beside them, are there as wheels."""
    if not request.config.getoption("--ec2"):
        pytest.skip("asks the package index only with --ec2")
    uv = Path(sys.executable).with_name("uv")
    found = str(uv) if uv.exists() else shutil.which("uv")
    if not found:
        pytest.skip("needs uv")
    platform = f"{machine}-{PLATFORMS.get(version, 'manylinux_2_34')}"
    command = [found, "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
    command += ["--only-binary", ":all:", "--python-version", version]
    command += ["--python-platform", platform, "--constraint", "scripts/ec2/constraints.txt"]

    resolved = subprocess.run(
        [*command, "requirements.txt"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )

    assert resolved.returncode == 0, resolved.stderr
    assert dict(line.split("==") for line in resolved.stdout.split()) == pinned(version)
