"""The unit files, directive by directive."""

import re
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from tests.conftest import ROOT

UNITS = ROOT / "scripts" / "ec2"
KNOWN_TO_219 = """
    Description Wants After PartOf WantedBy User Group EnvironmentFile Environment ExecStart Restart
    RestartSec TimeoutStopSec KillMode KillSignal UMask NoNewPrivileges CapabilityBoundingSet
    PrivateTmp PrivateDevices ProtectHome ProtectSystem RestrictAddressFamilies
    SupplementaryGroups SystemCallArchitectures
    """


def entries(name: str) -> List[Tuple[str, str]]:
    """Return the directives of a unit file with their values."""
    lines = (UNITS / name).read_text().splitlines()
    return [
        (line.split("=")[0], line.split("=", 1)[1]) for line in lines if re.match("[A-Z]", line)
    ]


@pytest.mark.parametrize("name", ["worker@.service", "worker-journal.service", "worker.target"])
def test_the_base_units_hold_only_words_that_systemd_219_knows(name: str) -> None:
    """Amazon Linux 2's systemd understands each directive and value."""
    words: Dict[str, str] = dict(entries(name))

    assert set(words) <= set(KNOWN_TO_219.split())
    assert words.get("ProtectSystem", "full") == "full"
    assert "SystemCallFilter" not in words


def test_a_worker_that_needs_too_much_ends_alone() -> None:
    """A worker's memory limit is below the machine's memory."""
    assert dict(entries("worker-hardening.conf"))["MemoryMax"] == "75%"


def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """systemd has no complaint about the units as installed."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("needs systemd-analyze")
    unit, target = tmp_path / "calculation-worker@.service", tmp_path / "calculation-worker.target"
    journal = tmp_path / "calculation-worker-journal.service"
    folder = tmp_path / f"{unit.name}.d"
    folder.mkdir()
    for name, path in (
        ("worker@.service", unit),
        ("worker.target", target),
        ("worker-journal.service", journal),
        ("worker-hardening.conf", folder / "hardening.conf"),
    ):
        text = (UNITS / name).read_text().replace("@PART@", "calculation")
        text = re.sub("ExecStart=.*", "ExecStart=/bin/true", text)
        path.write_text(re.sub("(User|Group)=.*", r"\1=daemon", text))

    checked = subprocess.run(
        ["systemd-analyze", "verify", str(unit).replace("@", "@1"), str(target), str(journal)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert [line for line in checked.stdout.splitlines() if str(tmp_path) in line] == []
    assert checked.returncode == 0, checked.stdout
