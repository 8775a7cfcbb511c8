"""The exact versions of packages for servers."""

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from tests.conftest import ROOT

# The oldest C library that a distribution ships with each Python, as uv names it.
PLATFORMS = {"3.8": "manylinux_2_17", "3.9": "manylinux_2_31"}
VERSIONS = [f"3.{minor}" for minor in range(8, 15)]


def lines(version: str) -> List[Any]:
    """Return the requirements in constraints.txt for a Python version on Linux."""
    from packaging.requirements import Requirement

    text = (ROOT / "scripts" / "ec2" / "constraints.txt").read_text()
    found = [Requirement(line.rstrip(" \\")) for line in text.splitlines() if line[:1].isalpha()]
    python = {"python_version": version, "python_full_version": f"{version}.0"}
    return [each for each in found if not each.marker or each.marker.evaluate(python)]


def pinned(version: str) -> Dict[str, str]:
    """Return the pinned versions in constraints.txt for a Python version."""
    return {each.name: str(each.specifier).lstrip("=") for each in lines(version)}


@pytest.mark.parametrize("version", VERSIONS)
def test_each_package_has_one_version(version: str) -> None:
    """For every Python each package is pinned once, to a version that requirements.txt allows."""
    from packaging.requirements import Requirement

    names = [each.name for each in lines(version)]
    wanted = map(Requirement, (ROOT / "requirements.txt").read_text().splitlines())

    assert sorted(names) == sorted(set(names))
    assert all(re.fullmatch(r"==[0-9a-z.]+", str(each.specifier)) for each in lines(version))
    assert all(each.specifier.contains(pinned(version)[each.name.lower()]) for each in wanted)


def test_each_version_has_hashes() -> None:
    """No line is without a hash, so that pip can check all it downloads."""
    text = (ROOT / "scripts" / "ec2" / "constraints.txt").read_text()

    for entry in re.split(r"^(?=\w)", text, flags=re.MULTILINE)[1:]:
        assert re.search(r"--hash=sha256:[0-9a-f]{64}", entry), entry


@pytest.mark.parametrize("machine", ["x86_64", "aarch64"])
@pytest.mark.parametrize("version", VERSIONS)
def test_the_versions_resolve_from_wheels(
    version: str, machine: str, request: pytest.FixtureRequest
) -> None:
    """The pinned versions resolve by themselves, from wheels alone."""
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
