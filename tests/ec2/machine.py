"""A machine for tests: a Debian tree booted with systemd as its init, on this network."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence

import pytest

from tests.conftest import ROOT, wait_until

CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "aws-project-trees"
BASE = "systemd,systemd-sysv,dbus,ca-certificates"
# The libraries are for the Python that stands in for Amazon Linux 2's.
TREES = {"bookworm": f"{BASE},iproute2,libffi8,libsqlite3-0", "bullseye": BASE, "trixie": BASE}
CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
CODE = "/checkout"
NAMESPACES = ["-m", "-u", "-i", "-p", "-n", "-r", "-w"]
IS_UP = ["systemctl", "is-system-running"]
FLAGS = ["--quiet", "--boot", "--register=no", "--keep-unit", "--console=pipe"]
# Whoever runs the tests decides where packages come from.
PASSED_ON = [name for name in os.environ if name.startswith("PIP_") and name != "PIP_FIND_LINKS"]


def debian_tree(release: str) -> Path:
    """Return the folder of a bare Debian with systemd, made once and kept outside the checkout."""
    folder = CACHE / release
    if not folder.exists():
        CACHE.mkdir(parents=True, exist_ok=True)
        unfinished = CACHE / f"{release}.{os.getpid()}"
        command = ["debootstrap", "--variant=minbase", f"--include={TREES[release]}", release]
        made = subprocess.run([*command, str(unfinished)], stdout=subprocess.PIPE)
        if made.returncode:
            shutil.rmtree(unfinished, ignore_errors=True)
            pytest.skip(f"no tree of Debian {release}: {made.stdout[-200:].decode()}")
        unfinished.rename(folder)
    return folder


def copy_of_checkout(folder: Path) -> Path:
    """Copy what a setup needs, so that a test can change it."""
    for name in ("messaging", "calculation", "image", "scripts"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "requirements.txt", folder)
    folder.chmod(0o755)
    return folder


class Machine:
    """A booted tree; closing it discards what was written in it.

    Args:
        tree: the root folder, which is not changed
        code: the checkout to set up from
        flags: more options for systemd-nspawn
    """

    def __init__(self, tree: Path, code: Path, flags: Sequence[str] = ()) -> None:
        bind = [f"--bind-ro={code}:{CODE}", f"--directory={tree}", "--volatile=overlay"]
        self._process = subprocess.Popen(
            ["systemd-nspawn", *FLAGS, *bind, *flags],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        self._leader = ""
        wait_until(self._is_up)
        self.write(CERTIFICATES, Path(CERTIFICATES).read_text())

    def _is_up(self) -> bool:
        """Return whether the boot is over; until then another process may stand in for init."""
        assert self._process.poll() is None, "systemd-nspawn ended"
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children").read_text()
        self._leader = children.split()[0] if children.strip() else ""
        return self._leader != "" and self.ask(*IS_UP) in ("running", "degraded")

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def run(
        self,
        *command: str,
        check: bool = True,
        text: str = "",
        variables: Optional[Mapping[str, str]] = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as root, with `text` as its standard input."""
        environment: Dict[str, str] = {
            "PATH": "/usr/sbin:/usr/bin:/sbin:/bin",
            "HOME": "/root",
            **{name: os.environ[name] for name in PASSED_ON},
            **(variables or {}),
        }
        enter = ["nsenter", "--target", self._leader, *NAMESPACES]
        ran = subprocess.run(
            [*enter, *command],
            env=environment,
            input=text,
            capture_output=True,
            text=True,
            timeout=300,
        )
        assert not check or ran.returncode == 0, ran.stdout + ran.stderr
        return ran

    def ask(self, *command: str) -> str:
        """Return a command's standard output."""
        return self.run(*command, check=False).stdout.strip()

    def setup(
        self,
        *words: str,
        check: bool = True,
        within: Sequence[str] = (),
        variables: Optional[Mapping[str, str]] = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run the setup script, if `within` is given by another command."""
        script = [*within, "bash", f"{CODE}/scripts/setup_ec2.sh", *words]
        return self.run(*script, check=check, variables=variables)

    def write(self, path: str, text: str) -> None:
        """Write a file."""
        self.run("mkdir", "-p", os.path.dirname(path))
        self.run("tee", path, text=text)

    def property(self, unit: str, name: str) -> str:
        """Return a property of a unit."""
        return self.ask("systemctl", "show", "--value", f"--property={name}", unit)

    def pid(self, unit: str) -> int:
        """Return the main process of a unit, 0 if it is not running."""
        return int(self.property(unit, "MainPID") or 0)

    def files(self) -> List[str]:
        """Return the contents of the folders that only a setup should change."""
        return sorted(self.ask("find", "/etc", "/opt", "/usr", "/root", "/home").splitlines())
