"""The setup script on what looks like Amazon Linux 2: its commands, its Python, its old glibc."""

import json
import shutil
from pathlib import Path

import pytest

from tests.conftest import Place

from .conftest import Boot
from .machine import Machine
from .test_setup import KEYS, words

STUBS = {
    "os-release": 'ID="amzn"\nVERSION_ID="2"\n',
    "amazon-linux-extras": '#!/bin/sh\necho "extras $*" >>/root/steps\n',
    "yum": """#!/bin/sh
echo "yum $*" >>/root/steps
case "$*" in *install*python38*) cp /usr/lib/python3.8/apart/python3.8 /usr/bin/python3.8 ;; esac
cp /usr/lib/python3.8/apart/libpython* /usr/lib/ 2>/dev/null || true
ldconfig
""",
    "systemctl": """#!/bin/sh
[ "$*" != --version ] || { echo "systemd 219"; exit; }
exec /usr/bin/systemctl "$@"
""",
}
# pip asks this module which wheels the C library supports; Amazon Linux 2 has glibc 2.26.
GLIBC = "def manylinux_compatible(major, minor, arch):\n    return (major, minor) <= (2, 26)\n"
PYTHONS = Path.home() / ".pyenv" / "versions"


@pytest.fixture(scope="module")
def machine(boot: Boot, tmp_path_factory: pytest.TempPathFactory) -> Machine:
    """A machine with Amazon Linux 2's os-release and commands, and Python 3.8 from its yum."""
    pythons = sorted(PYTHONS.glob("3.8.*"))
    if not pythons:
        pytest.skip("needs a Python 3.8 of pyenv to put into the tree")
    extra = tmp_path_factory.mktemp("extra")
    extra.chmod(0o755)
    (extra / "_manylinux.py").write_text(GLIBC)
    (extra / "apart").mkdir()
    for file in (pythons[-1] / "bin" / "python3.8", *pythons[-1].glob("lib/libpython3.8.so.*")):
        shutil.copy(str(file), str(extra / "apart"))
    made = boot("bookworm", f"--overlay-ro={pythons[-1]}/lib/python3.8:{extra}:/usr/lib/python3.8")
    for name, text in STUBS.items():
        made.write(f"/stubs/{name}", text)
        made.run("chmod", "755", f"/stubs/{name}")
    made.write("/etc/systemd/system/calculation-worker@.service.d/keys.conf", KEYS)
    return made


def test_amazon_linux_2(machine: Machine, shared: Place) -> None:
    """It installs the last wheels for Python 3.8 and glibc 2.26, and the worker answers."""
    variables = {
        "PATH": "/stubs:/usr/sbin:/usr/bin:/sbin:/bin",
        "OS_RELEASE": "/stubs/os-release",
        "AWS_ENDPOINT_URL": shared.url,
    }

    machine.setup("calculation", *words(shared), variables=variables)
    python = "/opt/calculation-worker/current/venv/bin/python"
    listed = json.loads(machine.ask(python, "-m", "pip", "list", "--format=json"))
    wheels = machine.ask("sh", "-c", f"cat $(dirname {python})/../lib/*/site-packages/*/WHEEL")

    versions = {each["name"].lower(): each["version"] for each in listed}
    wanted = {"boto3": "1.37.38", "numpy": "1.24.4", "pillow": "10.4.0", "urllib3": "1.26.20"}
    assert {name: versions[name] for name in wanted} == wanted
    assert "manylinux_2_17" in wheels
    assert "manylinux_2_28" not in wheels
    assert machine.ask("cat", "/root/steps").splitlines() == [
        "extras enable python3.8",
        "yum -y clean metadata",
        "yum -y install python38",
    ]
    assert shared.client("3,1,2").returncode == 0
    assert machine.ask("ls", "/etc/systemd/system/calculation-worker@.service.d") == "keys.conf"
    machine.setup("calculation", "--uninstall", variables=variables)
    assert machine.ask("ls", "/opt") == ""
