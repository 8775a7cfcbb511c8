"""The unit files, directive by directive."""

import re
import shlex
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


def filled_in(name: str, part: str, operation: str = "") -> str:
    """Return a unit as the setup script writes it."""
    script = ROOT / "scripts" / "setup_ec2.sh"
    function = re.search(r"^fill_in\(\) \{.*?^\}", script.read_text(), re.DOTALL | re.MULTILINE)
    assert function
    given = f"root={shlex.quote(str(ROOT))} part={part} operation={operation}"
    command = ["bash", "-c", f"{given}; {function[0]}; fill_in {name}"]
    return subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout


def test_a_job_that_needs_too_much_ends_alone() -> None:
    """Memory limits are below the machine's, and an image worker runs one job at a time."""
    (images,) = re.findall("^ExecStart=.*", filled_in("worker@.service", "image", "gamma"), re.M)
    (lists,) = re.findall("^ExecStart=.*", filled_in("worker@.service", "calculation"), re.M)

    assert images.endswith("/current/image/worker.py gamma --concurrency 1")
    assert lists.endswith("/current/calculation/worker.py")
    assert dict(entries("worker-hardening.conf"))["MemoryMax"].endswith("%")


def test_the_largest_image_fits_into_the_smallest_machine() -> None:
    """On the stack's default instance a worker has enough memory for an image at the limits."""
    stack = (ROOT / "scripts" / "stack.yaml").read_text()
    handbook = (ROOT / "scripts" / "README.md").read_text()
    share = int(dict(entries("worker-hardening.conf"))["MemoryMax"].rstrip("%")) / 100
    (needed,) = re.findall(r"([0-9.]+) GB for sauvola", handbook)
    usable = 0.9 * 2 * 2**30  # bytes: what Linux leaves of a t4g.small's 2 GiB

    assert "Default: t4g.small\n" in stack
    assert float(needed) * 1e9 < share * usable


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
        text = re.sub("ExecStart=.*", "ExecStart=/bin/true", filled_in(name, "calculation"))
        path.write_text(re.sub("(User|Group)=.*", r"\1=daemon", text))

    checked = subprocess.run(
        ["systemd-analyze", "verify", str(unit).replace("@", "@1"), str(target), str(journal)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )

    assert [line for line in checked.stdout.splitlines() if str(tmp_path) in line] == []
    assert checked.returncode == 0, checked.stdout
