"""Place: the queues and bucket of one measurement, near or far, and programs that use them."""

from __future__ import annotations

import socket
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Optional

from scripts.benchmarks.process import ROOT, Measured, last_line, measure
from scripts.local_aws import LocalAws
from tests.gateway import Gateway

SECONDS_TO_START = 60  # a program that takes longer counts as failed


class Place:
    """The queues and bucket of one measurement; a context manager that ends its programs.

    Attributes:
        gateway: counts the requests, unless `milliseconds` puts a delaying proxy in its place
    """

    def __init__(self, aws: LocalAws, milliseconds: Optional[int] = None) -> None:
        self._stack, self.gateway = ExitStack(), Gateway(aws.url)
        self._folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory()))
        self._environment, mark = dict(aws.environment), uuid.uuid4().hex[:8]
        for noun in ("INPUT_QUEUE", "OUTPUT_QUEUE", "BUCKET"):
            for part in ("CALCULATION", "IMAGE"):
                self._environment[f"{part}_{noun}"] = f"{noun[:3].lower()}-{mark}"
        self._environment["TMPDIR"] = str(self._folder)  # deleted with the place
        if milliseconds is None:
            url = self._stack.enter_context(self.gateway).url
        else:
            near, far = str(_free_port()), aws.url.rsplit(":", 1)[1]
            self.start("ready", "scripts.benchmarks.delay", near, far, str(milliseconds))
            url = f"http://127.0.0.1:{near}"
        self._environment["AWS_ENDPOINT_URL"] = url

    def __enter__(self) -> Place:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def start(self, sign: str, *module: str) -> Any:
        """Start a program, and block until its standard error holds `sign`."""
        command, pipe = [sys.executable, "-m", *module], subprocess.PIPE
        options: Any = {"cwd": ROOT, "env": self._environment, "stdout": subprocess.DEVNULL}
        said = self._folder / module[0]
        with said.open("wb") as file:
            process: Any = subprocess.Popen(command, stdin=pipe, stderr=file, **options)
        self._stack.enter_context(process)
        self._stack.callback(process.kill)
        give_up = time.monotonic() + SECONDS_TO_START
        while sign not in said.read_text():
            if process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(f"it does not start: {last_line(said.read_bytes())}")
            time.sleep(0.02)
        return process

    def ask(self, asker: str, *arguments: Any, **how: Any) -> Measured:
        """Measure an asker against this place."""
        job = f"scripts.benchmarks.askers:{asker}"
        return measure(job, *arguments, environment=self._environment, **how)


def _free_port() -> int:
    """Return an unused port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
