"""Runs a command with an AWS of its own: SQS and S3 in a process on this machine, for its time.

The server is MiniStack where there is a Python from 3.10 up, otherwise moto's server; LOCAL_AWS in
the environment, ministack or moto, decides it. It lives in a virtual environment of its own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path
from typing import Dict, List, Optional, Sequence

ROOT = Path(__file__).resolve().parent.parent
PACKAGES = {
    "ministack": ["ministack==1.5.33"],
    "moto": ["moto[s3,sqs]", "flask", "flask-cors"],
}
SECONDS_TO_START = 60
PORTS_TO_TRY = 3


class LocalAws:
    """One server process on a free port of the loopback interface; a context manager.

    Attributes:
        kind: ministack or moto
        url: what AWS_ENDPOINT_URL has to be
        state: a folder in which MiniStack keeps all it holds from stop to start, or None
        process: the server
    """

    def __init__(self, kind: str = "", state: Optional[Path] = None) -> None:
        self.kind = kind or os.environ.get("LOCAL_AWS", "") or default_kind()
        if self.kind not in PACKAGES:
            raise SystemExit(f"LOCAL_AWS is {self.kind!r}; it can be {' or '.join(PACKAGES)}")
        self.state = state
        self.url = ""
        self.process: Optional[subprocess.Popen[bytes]] = None

    def __enter__(self) -> LocalAws:
        for _ in range(PORTS_TO_TRY):  # somebody may take a port before the server does
            if self.start(free_port()):
                return self
        raise SystemExit(f"the local AWS ({self.kind}) does not start")

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def environment(self) -> Dict[str, str]:
        """The variables that make boto3 use this server, in a copy of our environment."""
        return {
            **{name: value for name, value in os.environ.items() if name[:4] != "AWS_"},
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        }

    def start(self, port: int) -> bool:
        """Start the server, installed first if need be; tell whether it answers."""
        folder = install(self.kind)
        self.url = f"http://127.0.0.1:{port}"
        variables = {"BIND_HOST": "127.0.0.1", "GATEWAY_PORT": str(port), "LOG_LEVEL": "WARNING"}
        if self.state:
            kept = {"STATE_DIR": str(self.state), "S3_DATA_DIR": str(self.state / "s3")}
            variables.update(kept, PERSIST_STATE="1", S3_PERSIST="1")
        command = [str(folder / "bin" / "ministack")]
        if self.kind == "moto":
            command = [str(folder / "bin" / "moto_server"), "-H", "127.0.0.1", "-p", str(port)]
        self.process = subprocess.Popen(
            command,
            env={**os.environ, **variables},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the command; the server goes last
        )
        return self._is_ready()

    def stop(self) -> None:
        """End the server: at once, or with a state to keep when its long polls are over."""
        if self.process is not None:
            self.process.send_signal(signal.SIGTERM if self.state else signal.SIGKILL)
            self.process.wait()

    def _is_ready(self) -> bool:
        request = urllib.request.Request(
            self.url,
            b"{}",
            {"X-Amz-Target": "AmazonSQS.ListQueues", "Content-Type": "application/x-amz-json-1.0"},
        )
        give_up = time.monotonic() + SECONDS_TO_START
        while time.monotonic() < give_up:
            assert self.process is not None
            if self.process.poll() is not None:
                break
            try:
                urllib.request.urlopen(request, timeout=5).close()
                return True
            except (urllib.error.URLError, ConnectionError, socket.timeout):
                time.sleep(0.05)  # a server has no way to tell us
        self.stop()
        return False


def default_kind() -> str:
    """Choose the better server that this machine can run."""
    return "ministack" if modern_python() else "moto"


def modern_python() -> Optional[str]:
    """Find a Python from 3.10 up, which MiniStack needs."""
    names = ["python3", *(f"python3.{minor}" for minor in range(14, 9, -1))]
    for candidate in [sys.executable, *filter(None, map(shutil.which, names))]:
        test = "import sys, ensurepip, venv; sys.exit(sys.version_info < (3, 10))"
        if subprocess.run([candidate, "-c", test], stderr=subprocess.DEVNULL).returncode == 0:
            return candidate
    return None


def install(kind: str) -> Path:
    """Make the server's virtual environment, unless it is there; give its folder."""
    folders = ROOT / ".venv"
    folders.mkdir(exist_ok=True)
    with (folders / "lock").open("w") as lock:  # several test processes may come here at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        return _install(kind, folders)


def _install(kind: str, folders: Path) -> Path:
    python = sys.executable if kind == "moto" else modern_python()
    version = f"{sys.version_info[0]}.{sys.version_info[1]}-" if kind == "moto" else ""
    folder = folders / f"{version}{kind}"
    stamp = folder / "installed.txt"
    wanted = "\n".join(PACKAGES[kind])
    if python is None:
        raise SystemExit(f"{kind} needs Python 3.10 or newer, with venv")
    if not stamp.exists() or stamp.read_text() != wanted:
        print(f"Installing the local AWS ({kind}) ...", file=sys.stderr)
        pip = [str(folder / "bin" / "python"), "-m", "pip", "install", "--quiet"]
        for command in (
            [python, "-m", "venv", str(folder)],
            [*pip, "--disable-pip-version-check", "--prefer-binary", *PACKAGES[kind]],
        ):
            if subprocess.run(command).returncode != 0:
                raise SystemExit(f"cannot install the local AWS ({kind}): see above")
        stamp.write_text(wanted)
    return folder


def free_port() -> int:
    """Give a port of the loopback interface that nobody uses."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def main(command: Sequence[str]) -> int:
    """Run the command with the server; give its exit code."""
    if not command or command[0] in ("-h", "--help"):
        print(f"usage: local_aws.py COMMAND [ARGUMENT ...]\n\n{__doc__}")
        return 0 if command else 2
    with LocalAws() as aws:
        child: List[subprocess.Popen[bytes]] = []

        def forward(number: int, frame: object) -> None:
            if child and number != signal.SIGINT:  # the terminal sends that to the child itself
                child[0].send_signal(number)

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, forward)
        try:
            child.append(subprocess.Popen(command, env=aws.environment))
        except OSError as error:
            raise SystemExit(f"local_aws.py: cannot run {command[0]}: {error.strerror}") from error
        return child[0].wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
