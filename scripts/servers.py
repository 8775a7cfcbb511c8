"""Servers: the kinds that local_aws.py can run, each in a virtual environment of its own."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Optional

from scripts import environment

PACKAGES = {
    "ministack": ["ministack==1.5.33"],
    "moto": ["moto[s3,sqs]", "flask", "flask-cors"],
    # The last release that needs no account, held to the dependencies that it still runs with.
    "localstack": [
        "localstack-core[runtime]==2026.3.0",
        "cbor2<5.8",
        "cryptography<46",
        "pyopenssl<25.2",
        "service-identity<25",
    ],
}
OLDEST = {"ministack": 10, "localstack": 12}  # minor versions of Python 3; older ones fail


def choose() -> str:
    """Return the server that LOCAL_AWS names, or else the best that this machine can run."""
    kind = os.environ.get("LOCAL_AWS", "")
    if not kind:
        return "ministack" if modern_python(OLDEST["ministack"]) else "moto"
    if kind not in PACKAGES:
        raise SystemExit(f"LOCAL_AWS is {kind!r}; it can be {' or '.join(PACKAGES)}")
    return kind


def modern_python(oldest: int) -> Optional[str]:
    """Return a Python of minor version `oldest` or newer that can create environments."""
    names = ["python3", *(f"python3.{minor}" for minor in range(14, oldest - 1, -1))]
    test = f"import sys, ensurepip, venv; sys.exit(sys.version_info < (3, {oldest}))"
    for candidate in [sys.executable, *filter(None, map(shutil.which, names))]:
        try:
            ran = subprocess.run([candidate, "-c", test], stderr=subprocess.DEVNULL)
        except OSError:  # not a program, despite its name
            continue
        if ran.returncode == 0:
            return candidate
    return None


def install(kind: str) -> Path:
    """Install the server unless it is ready; return its Python."""
    python = sys.executable if kind == "moto" else modern_python(OLDEST[kind])
    if python is None:
        raise SystemExit(f"{kind} needs Python 3.{OLDEST[kind]} or newer, with venv")
    version = "{}.{}-".format(*sys.version_info) if kind == "moto" else ""
    packages = PACKAGES[kind]
    return environment.make(f"{version}{kind}", python, packages, "\n".join(packages))
