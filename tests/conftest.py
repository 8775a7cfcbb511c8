"""Fixtures: a server for the session; queues and a bucket for each test; programs that use them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from functools import lru_cache
from pathlib import Path
from typing import Any, Callable, Dict, Iterator, List, NamedTuple, Sequence
from unittest import mock

import boto3
import hypothesis
import pytest
from botocore.config import Config
from botocore.loaders import create_loader

from messaging import Connection, Settings
from scripts import tether
from scripts.local_aws import LocalAws
from tests.gateway import Gateway
from tests.plain import Queue, Received, open_queue

ROOT = Path(__file__).resolve().parent.parent
TETHER = os.pipe()  # its write end is open as long as the tests run
# Tests that a local server cannot pass because it differs from AWS, and how it differs.
UNLIKE_AWS = {
    ("moto", "empty attribute"): "moto fails with 500 at an empty string, which AWS refuses",
    ("localstack", "empty attribute"): "LocalStack refuses an empty string, as AWS does",
    ("moto", "CloudWatch"): "moto is installed with SQS and S3 only",
    ("moto", "load"): "moto is slow at a backlog, doubles messages, and obeys old handles",
}
# Tests that run in parallel slow each other down.
hypothesis.settings.register_profile("tests", deadline=None)
# For a Python beside the one that runs everything: see `--hypothesis-profile` in .ci/run.
hypothesis.settings.register_profile("few", deadline=None, max_examples=20)
hypothesis.settings.load_profile("tests")
# Otherwise each connection that a test makes reloads boto3's models of all services.
mock.patch("botocore.session.create_loader", lru_cache(maxsize=None)(create_loader)).start()
# Started in the background, pytest ignores SIGINT, by nohup SIGHUP, and its child processes would
# inherit that.
signal.signal(signal.SIGINT, signal.default_int_handler)
signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_report_header() -> List[str]:
    """Report the versions that results depend on."""
    import botocore
    import numpy

    return [f"botocore {botocore.__version__}, numpy {numpy.__version__}"]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add options for tests that take minutes or need a special machine."""
    parser.addoption("--faults", action="store_true", help="run the faults suite in full")
    parser.addoption("--bench", action="store_true", help="run every benchmark in its tiny form")
    parser.addoption("--ec2", action="store_true", help="set up workers in booted Debian trees")


def pytest_collection_modifyitems(config: pytest.Config, items: List[pytest.Item]) -> None:
    """Start what waits first, and give the faults suite in full the time that it takes.

    The many tests that only compute fill the time until the last of those that wait has ended.
    """
    items.sort(key=lambda item: "/unit/" in item.nodeid)
    for item in items:
        if config.getoption("--faults") and "full" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.timeout(3600))


@pytest.fixture
def full(request: pytest.FixtureRequest) -> bool:
    """Whether the faults suite runs in full."""
    return bool(request.config.getoption("--faults"))


@pytest.fixture(scope="session")
def aws() -> Iterator[LocalAws]:
    """The server."""
    with LocalAws() as server:
        yield server


class Messages(NamedTuple):
    """The number of messages that a queue holds."""

    visible: int
    hidden: int


class Place:
    """The queues and bucket of one test, and the programs that use them.

    Attributes:
        environment: the environment for a program
        connection: AWS as the programs see it
    """

    def __init__(self, url: str, environment: Dict[str, str]) -> None:
        mark = uuid.uuid4().hex[:8]
        self.settings = Settings(
            f"in-{mark}", f"out-{mark}", f"bucket-{mark}", region="us-east-1", endpoint_url=url
        )
        self.environment = {
            **{k: v for k, v in environment.items() if not k.startswith("PYTHON")},
            "AWS_ENDPOINT_URL": url,
        }
        for part in ("CALCULATION", "IMAGE"):
            self.environment[f"{part}_INPUT_QUEUE"] = self.settings.input_queue
            self.environment[f"{part}_OUTPUT_QUEUE"] = self.settings.output_queue
            self.environment[f"{part}_BUCKET"] = str(self.settings.bucket)
        self.url = url
        self.connection = Connection(self.settings)
        self._clients: Dict[str, Any] = {}
        self._processes: List[subprocess.Popen[bytes]] = []

    @property
    def sqs(self) -> Any:
        return self._client("sqs")

    @property
    def s3(self) -> Any:
        return self._client("s3")

    def _client(self, service: str) -> Any:
        """Return a plain boto3 client, made once."""
        if service not in self._clients:
            config = Config(retries={"mode": "standard", "total_max_attempts": 5})
            session: Any = boto3.Session(region_name="us-east-1")
            self._clients[service] = session.client(service, endpoint_url=self.url, config=config)
        return self._clients[service]

    def inbox(self) -> Queue:
        return open_queue(self.sqs, self.settings.input_queue, dead_letter=True)

    def outbox(self) -> Queue:
        return open_queue(self.sqs, self.settings.output_queue)

    def send(self, body: str, **attributes: str) -> str:
        """Send a request as another program might; return its message id."""
        sent = self.sqs.send_message(
            QueueUrl=self.inbox().url,
            MessageBody=body,
            MessageAttributes={
                name: {"DataType": "String", "StringValue": value}
                for name, value in attributes.items()
            },
        )
        return str(sent["MessageId"])

    def messages(self, queue: Queue) -> Messages:
        """Count the messages in a queue."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        sqs: Any = queue.sqs
        answer = sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=names)
        return Messages(*(int(answer["Attributes"][name]) for name in names))

    def is_empty(self) -> bool:
        """Return whether the input queue has no message, visible or in flight."""
        return not any(self.messages(self.inbox()))

    def logs(self) -> List[str]:
        """Return the texts of all log objects."""
        return [self.read(key) for key in self.keys("logs/")]

    def keys(self, prefix: str = "") -> List[str]:
        listing = self.s3.get_paginator("list_objects_v2")
        pages = listing.paginate(Bucket=self.settings.bucket, Prefix=prefix)
        return [item["Key"] for page in pages for item in page.get("Contents", ())]

    def read(self, key: str) -> str:
        answer = self.s3.get_object(Bucket=self.settings.bucket, Key=key)
        return str(answer["Body"].read().decode())

    def client(
        self, *arguments: str, module: str = "calculation.client", **options: Any
    ) -> subprocess.CompletedProcess[str]:
        """Run a client to its end, with `input`, if given, as its standard input."""
        return subprocess.run(
            [sys.executable, str(ROOT / f"{module.replace('.', '/')}.py"), *arguments],
            cwd=options.pop("cwd", ROOT),
            env=_set({**self.environment, **options.pop("environment", {})}),
            input=options.pop("input", ""),
            capture_output=True,
            text=True,
            timeout=options.pop("timeout", 120),
            **options,
        )

    def worker(self, *arguments: str, module: str = "calculation.worker", url: str = "") -> Running:
        """Start a worker, and block until it reads its queue."""
        environment = {**self.environment, "AWS_ENDPOINT_URL": url or str(self.url)}
        running = Running([sys.executable, "-m", module, *arguments], environment)
        self._processes.append(running.process)
        running.wait_for(" reads ")
        return running

    def close(self) -> None:
        for process in self._processes:
            process.kill()
            process.wait()


class Running:
    """A running Python program, whose standard error goes to a file.

    It ends with the tests, even if they are killed.
    """

    def __init__(self, command: Sequence[str], environment: Dict[str, str]) -> None:
        self._said, name = tempfile.mkstemp()
        os.unlink(name)  # so that it goes when we do
        self.process = subprocess.Popen(
            [command[0], tether.__file__, *command[1:]],
            cwd=ROOT,
            env={**environment, tether.NAME: str(TETHER[0])},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=self._said,
            pass_fds=TETHER[:1],
        )

    def said(self) -> str:
        return os.pread(self._said, 1 << 24, 0).decode()

    def wait_for(self, text: str, seconds: float = 60) -> None:
        wait_until(lambda: text in self.said() or self.process.poll() is not None, seconds)
        assert text in self.said(), self.said()

    def terminate(self) -> None:
        self.process.send_signal(signal.SIGTERM)

    def memory(self) -> int:
        """Return the bytes of memory that the program uses."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def cpu_seconds(self) -> float:
        fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _set(environment: Dict[str, str]) -> Dict[str, str]:
    """Return the environment without the variables that a test has set to an empty string."""
    return {name: value for name, value in environment.items() if value}


def wait_until(condition: Callable[[], Any], seconds: float = 60) -> Any:
    """Block until a condition holds, and return its value; fails after a while."""
    give_up = time.monotonic() + seconds
    pause = 0.01
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < give_up, "it did not happen in time"
        time.sleep(pause)
        pause = min(pause * 1.2, 0.25)  # each check takes time from what is waited for


def take(queue: Queue, wait: int = 20, limit: int = 10) -> List[Received]:
    """Receive and delete messages."""
    return queue.take(wait, limit)


def take_error(queue: Queue) -> Received:
    """Receive and delete replies up to the first error; a short lease may double others."""
    while True:
        for reply in take(queue):
            if reply.text("Status") == "error":
                return reply


@pytest.fixture
def place(aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Names that only this test uses, on the server."""
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    made = Place(aws.url, aws.environment)
    yield made
    made.close()


@pytest.fixture
def gateway(aws: LocalAws) -> Iterator[Gateway]:
    """A gateway to the server that counts requests and injects faults; fails if one was invalid."""
    with Gateway(aws.url) as made:
        yield made
        assert not made.invalid


@pytest.fixture
def counted(gateway: Gateway, aws: LocalAws, monkeypatch: pytest.MonkeyPatch) -> Iterator[Place]:
    """Like `place`, through the gateway."""
    for name, value in aws.environment.items():
        monkeypatch.setenv(name, value)
    made = Place(gateway.url, aws.environment)
    yield made
    made.close()
