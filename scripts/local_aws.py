"""Runs a command with a local AWS: SQS and S3, served on this machine until the command ends.

The server is MiniStack if there is a Python 3.10 or newer, otherwise moto's; LOCAL_AWS=ministack,
moto or localstack in the environment overrides that. It is installed into a virtual environment of
its own; LocalStack's takes half a gigabyte.
"""

from __future__ import annotations

import os
import sys

if not __package__:  # run as a file: import from the repository, not from this folder
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import select
import shutil
import signal
import subprocess
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence

from scripts import servers, tether

SECONDS_TO_START = 60  # a server that takes longer counts as broken
# All that a server gets of our environment: a user's other settings may be for another server.
PASSED_ON = ("PATH", "HOME", "TMPDIR", "LANG", "LD_LIBRARY_PATH")
SERVER = Path(__file__).resolve().with_name("aws_server.py")


class LocalAws:
    """A server process on the loopback interface; a context manager.

    The server ends with this process, even if this is killed.

    Attributes:
        kind: ministack, moto or localstack
        url: the value for AWS_ENDPOINT_URL
        state: the folder in which MiniStack keeps its contents across a restart, or None
        process: the server, once it was started
    """

    process: subprocess.Popen[bytes]

    def __init__(self, kind: str = "", state: Optional[Path] = None) -> None:
        self.kind = kind or servers.choose()
        self.state = state
        self.url = ""

    def __enter__(self) -> LocalAws:
        os.environ.update(direct(os.environ))
        if not self.start():
            raise SystemExit(f"the local AWS ({self.kind}) does not start")
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def environment(self) -> Dict[str, str]:
        """A copy of our environment in which boto3 uses this server."""
        return {
            **{name: value for name, value in os.environ.items() if name[:4] != "AWS_"},
            **direct(os.environ),
            "AWS_ENDPOINT_URL": self.url,
            "AWS_ACCESS_KEY_ID": "local",
            "AWS_SECRET_ACCESS_KEY": "local",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            # A user's own files are for another AWS, and may be broken.
            "AWS_CONFIG_FILE": os.devnull,
            "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        }

    def start(self, port: int = 0) -> bool:
        """Start the server, installing it if necessary; return whether it accepts requests."""
        python = servers.install(self.kind)
        variables = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
        if self.state:
            kept = {"STATE_DIR": str(self.state), "S3_DATA_DIR": str(self.state / "s3")}
            variables.update(kept, PERSIST_STATE="1", S3_PERSIST="1")
        self.process = subprocess.Popen(
            [str(python), str(SERVER), self.kind, str(port)],
            env={**variables, "LOG_LEVEL": "WARNING"},
            stdin=subprocess.PIPE,  # closed when this process ends, which ends the server
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            start_new_session=True,  # Ctrl-C is for the command; the server ends last
        )
        assert self.process.stdout is not None
        said = select.select([self.process.stdout], [], [], SECONDS_TO_START)[0]
        told = self.process.stdout.readline().decode().strip() if said else ""
        self.url = f"http://127.0.0.1:{told}"
        if not told:
            self.stop()
        return bool(told)

    def stop(self) -> None:
        """Stop the server: at once, or, if it has state to save, after its long polls."""
        self.process.send_signal(signal.SIGTERM if self.state else signal.SIGKILL)
        self.process.wait()
        with self.process:  # which closes the pipes
            pass

    def hang_up(self, process: int) -> None:
        """Have the server send SIGHUP to another process if this one is killed."""
        assert self.process.stdin
        self.process.stdin.write(b"%d\n" % process)
        self.process.stdin.flush()


def direct(variables: Mapping[str, str]) -> Dict[str, str]:
    """Return variables with which requests to this machine bypass any proxy."""
    past = variables.get("no_proxy") or variables.get("NO_PROXY") or ""
    hosts = [host for host in past.split(",") if host]
    if "127.0.0.1" not in hosts and hosts != ["*"]:
        hosts.append("127.0.0.1")
    return dict.fromkeys(("no_proxy", "NO_PROXY"), ",".join(hosts))


def main(command: Sequence[str]) -> int:
    """Run a command with a server; return the command's exit code."""
    if not command or command[0].startswith("-"):
        print(f"usage: local_aws.py COMMAND [ARGUMENT ...]\n\n{__doc__}")
        return 0 if command and command[0] in ("-h", "--help") else 2
    if not shutil.which(command[0]):
        print(f"local_aws.py: there is no command {command[0]!r}", file=sys.stderr)
        return 127
    while os.open(os.devnull, os.O_RDWR) <= 2:  # so that no pipe of ours passes for a closed stream
        pass
    with LocalAws() as aws:
        if len(command) == 1:  # a shell: whoever types into it sees nothing else
            told = f"A local AWS is running at {aws.url}, and ends when {command[0]} does."
            print(told, file=sys.stderr)
        code = _run(aws, command)
    return code if code >= 0 else 128 - code


def _run(aws: LocalAws, command: Sequence[str]) -> int:
    """Run the command; tethered programs in it end when this process does, or is told to."""
    child: List[subprocess.Popen[bytes]] = []
    received: List[int] = []
    near, far = os.pipe()
    with open(far, "wb", buffering=0) as tied:

        def forward(number: int, frame: object) -> None:
            if number != signal.SIGINT:  # which the terminal sends to the child too
                received.append(number)
                for process in child:
                    process.send_signal(number)
                tied.close()  # a shell handles no signal until its foreground program ends

        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, forward)
        variables = {**aws.environment, tether.NAME: str(near)}
        try:
            child.append(subprocess.Popen(command, env=variables, pass_fds=[near]))
        except OSError as error:
            raise SystemExit(f"local_aws.py: cannot run {command[0]}: {error.strerror}") from error
        aws.hang_up(child[0].pid)
        for early in received:  # received before there was a child
            child[0].send_signal(early)
        return child[0].wait()


if __name__ == "__main__":
    try:
        sys.exit(main(sys.argv[1:]))
    except KeyboardInterrupt:
        sys.exit(130)
