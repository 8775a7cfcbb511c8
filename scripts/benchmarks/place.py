"""Cloud: a local AWS for a measurement, near or far, and the workers that use it."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack
from pathlib import Path
from typing import Any, Dict, List, Optional, Sequence

from messaging import Settings
from messaging.aws.making import open_queue
from scripts.benchmarks.delay import Delay
from scripts.benchmarks.process import ROOT
from scripts.local_aws import LocalAws

SECONDS_TO_START = 60
_TICKS = 100  # of CPU time a second, on every Linux


class Cloud:
    """A server, of the kind given or the better one, and lines to it; a context manager.

    Attributes:
        url: the server itself
    """

    def __init__(self, kind: str = "") -> None:
        self._aws = LocalAws(kind)
        self._stack = ExitStack()
        self._lines: Dict[float, str] = {}
        self.url = ""

    def __enter__(self) -> Cloud:
        self._stack.enter_context(self._aws)
        self.url = self._aws.url
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def place(self, milliseconds: float = 0, url: str = "") -> Place:
        """Make queues and a bucket, seen from so far away, or through `url`."""
        if not url:
            if milliseconds not in self._lines:
                line = self._stack.enter_context(Delay(self.url, milliseconds))
                self._lines[milliseconds] = line.url
            url = self._lines[milliseconds]
        place = Place(url, self.url, self._aws.environment)
        self._stack.callback(place.close)
        return place


class Place:
    """Queues and a bucket of one measurement.

    Attributes:
        url: the way to the server that is measured
        settings: the names, by that way
        connection: the server by the shortest way, for what is not measured
        environment: the variables for a program
    """

    def __init__(self, url: str, near: str, environment: Dict[str, str]) -> None:
        mark = uuid.uuid4().hex[:8]
        names = f"in-{mark}", f"out-{mark}", f"bucket-{mark}"
        self.url = url
        self.settings = Settings(*names, region="us-east-1", endpoint_url=url)
        self.environment = {**environment, "AWS_ENDPOINT_URL": url}
        for part in ("CALCULATION", "IMAGE"):
            for noun, name in zip(("INPUT_QUEUE", "OUTPUT_QUEUE", "BUCKET"), names):
                self.environment[f"{part}_{noun}"] = name
        self._session = _session(environment)
        sqs = self.client("sqs", near)
        self.inbox = open_queue(sqs, names[0], dead_letter=True)
        self.outbox = open_queue(sqs, names[1])
        self._programs: List[Program] = []

    def client(self, service: str, url: Optional[str] = None) -> Any:
        """Make a boto3 client."""
        return self._session.client(service, endpoint_url=url or self.url)

    def start(self, command: Sequence[str], sign: str, **variables: str) -> Program:
        """Start a worker, and wait until it says what shows that it is ready."""
        program = Program(command, {**self.environment, **variables})
        self._programs.append(program)
        program.wait_for(sign)
        return program

    def worker(self, module: str = "calculation.worker", *arguments: str) -> Program:
        """Start one of our workers."""
        return self.start(["-m", module, *arguments], " reads ")

    def close(self) -> None:
        """End all workers."""
        for program in self._programs:
            program.stop()


class Program:
    """A Python program that runs until it is stopped."""

    def __init__(self, arguments: Sequence[str], environment: Dict[str, str]) -> None:
        handle, name = tempfile.mkstemp(suffix=".log")
        self._said = Path(name)
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=handle,
        )
        os.close(handle)

    def wait_for(self, sign: str) -> None:
        """Wait until it says that on standard error."""
        give_up = time.monotonic() + SECONDS_TO_START
        while sign not in self._said.read_text():
            if self._process.poll() is not None or time.monotonic() > give_up:
                raise RuntimeError(self._said.read_text()[-2000:])
            time.sleep(0.02)

    def cpu_seconds(self) -> float:
        """Give the CPU time so far."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(stat[11]) + int(stat[12])) / _TICKS

    def peak(self) -> int:
        """Give the peak memory so far, in bytes."""
        status = Path(f"/proc/{self._process.pid}/status").read_text()
        return int(status.split("VmHWM:", 1)[1].split()[0]) * 1024

    def stop(self) -> None:
        """End it at once."""
        self._process.kill()
        self._process.communicate()
        if self._said.exists():
            self._said.unlink()


def _session(environment: Dict[str, str]) -> Any:
    import boto3

    return boto3.Session(
        environment["AWS_ACCESS_KEY_ID"],
        environment["AWS_SECRET_ACCESS_KEY"],
        region_name=environment["AWS_DEFAULT_REGION"],
    )
