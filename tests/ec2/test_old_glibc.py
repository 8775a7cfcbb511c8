"""The setup script on Debian 11, which has the C library of Ubuntu 20.04."""

from tests.conftest import Place

from .conftest import Boot
from .test_setup import KEYS, words

OS_RELEASE = "ID=ubuntu\nVERSION_ID=20.04\n"


def test_ubuntu_20_04(boot: Boot, shared: Place) -> None:
    """With glibc 2.31 and systemd 247 the steps for Ubuntu 20.04 end in a worker that answers."""
    machine = boot("bullseye")
    machine.write("/etc/systemd/system/calculation-worker@.service.d/keys.conf", KEYS)
    machine.write("/root/os-release", OS_RELEASE)

    variables = {"OS_RELEASE": "/root/os-release", "AWS_ENDPOINT_URL": shared.url}
    machine.setup("calculation", *words(shared), variables=variables)

    assert shared.client("3,1,2").returncode == 0
    assert "ProtectSystem=strict" in machine.ask("systemctl", "cat", "calculation-worker@1.service")
