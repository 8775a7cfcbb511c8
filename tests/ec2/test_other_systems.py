"""The setup script on systems other than Debian 12, or on their nearest relatives."""

import pytest

from tests.conftest import Place

from .conftest import Boot
from .test_setup import KEYS, words

SYSTEMS = {
    "bullseye": "ID=ubuntu\nVERSION_ID=20.04\n",  # shares its C library, glibc 2.31, with Debian 11
    "trixie": "ID=debian\nVERSION_ID=13\n",
}


@pytest.mark.parametrize("release", SYSTEMS)
def test_setting_up(boot: Boot, shared: Place, release: str) -> None:
    """The system's steps end in a worker that answers, in the tight sandbox."""
    machine = boot(release)
    machine.write("/etc/systemd/system/calculation-worker@.service.d/keys.conf", KEYS)
    machine.write("/root/os-release", SYSTEMS[release])

    variables = {"OS_RELEASE": "/root/os-release", "AWS_ENDPOINT_URL": shared.url}
    machine.setup("calculation", *words(shared), variables=variables)

    assert shared.client("3,1,2").returncode == 0
    assert "ProtectSystem=strict" in machine.ask("systemctl", "cat", "calculation-worker@1.service")
    machine.close()
