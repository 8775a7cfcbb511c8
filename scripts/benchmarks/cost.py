"""Cost: the requests to AWS for a job, counted on both sides, and their price."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict
from pathlib import Path
from typing import Callable, Dict, List, Tuple

from messaging.worker.lanes import LIVELY
from scripts.benchmarks import pictures
from scripts.benchmarks.cloud import Cloud, Place, Program
from scripts.benchmarks.plan import Plan, tell
from scripts.benchmarks.process import ROOT, measure
from scripts.benchmarks.table import Cell, Table
from tests.gateway import Gateway

ASKERS = "scripts.benchmarks.askers"
SQS, PUT, GET = 0.40e-6, 5e-6, 0.4e-6  # dollars a request, us-east-1
Counts = Dict[Tuple[str, str], int]


class Pair:
    """A worker and a client, each behind a gateway of its own that counts."""

    def __init__(self, cloud: Cloud, near: Gateway, far: Gateway, *worker: str) -> None:
        self._gateways = {"client": near, "worker": far}
        self.client: Place = cloud.place(url=near.url)
        environment = {**self.client.environment, "AWS_ENDPOINT_URL": far.url}
        self._worker = self.client.start(["-m", *worker], " reads ", **environment)

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.stop()

    def count(self, job: Callable[[], object]) -> Counts:
        """Give the requests of both while a job is done, by side and action."""
        for gateway in self._gateways.values():
            gateway.counts.clear()
        job()
        return {
            (side, action): number
            for side, gateway in self._gateways.items()
            for action, number in gateway.counts.items()
        }


def tables(plan: Plan) -> List[Table]:
    """Count for lists and images, in bulk and one by one, and for programs that wait."""
    with Cloud() as cloud, Gateway(cloud.url) as near, Gateway(cloud.url) as far:
        return [
            *_lists(cloud, near, far, plan),
            *_images(cloud, near, far, plan),
            _idle(cloud, near, far, plan),
        ]


def _lists(cloud: Cloud, near: Gateway, far: Gateway, plan: Plan) -> List[Table]:
    tell("requests: lists")
    with Pair(cloud, near, far, "calculation.worker") as pair:
        return [
            _lists_in_bulk(pair, plan.pick(1000, 50)),
            _lists_one_by_one(pair, plan.pick(50, 3)),
        ]


def _lists_in_bulk(pair: Pair, count: int) -> Table:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "lists.txt")
        path.write_text("".join(f"{number},1,2,3\n" for number in range(count)))
        client = ["calculation/client.py", "--file", str(path)]
        counts = pair.count(lambda: _run(pair.client, client))
    return _table(f"{count:,} lists from one client, its start and end included", counts, count)


def _lists_one_by_one(pair: Pair, count: int) -> Table:
    def ask(number: int) -> Counts:
        names, environment = asdict(pair.client.settings), pair.client.environment
        job = f"{ASKERS}:one_by_one"
        return pair.count(lambda: measure(job, names, number, environment=environment))

    session, all_of_it = Counter(ask(0)), Counter(ask(count))
    all_of_it.subtract(session)
    return _table(f"{count:,} lists, one at a time, within a session", dict(all_of_it), count)


def _images(cloud: Cloud, near: Gateway, far: Gateway, plan: Plan) -> List[Table]:
    tell("requests: images")
    count = plan.pick(50, 3)
    worker = "image.worker", "gamma"
    with Pair(cloud, near, far, *worker) as pair, tempfile.TemporaryDirectory() as name:
        folder = Path(name, "pictures")
        folder.mkdir()
        paths = [folder / f"{number}.jpg" for number in range(count)]
        for path in paths:
            pictures.write(path, 0.05)
        client = ["image/client.py", "--output-dir", name, "--overwrite"]
        bulk = pair.count(lambda: _run(pair.client, [*client, str(folder)]))
        single = pair.count(lambda: _run(pair.client, [*client, str(paths[0])]))
    return [
        _table(f"{count} images from one client, its start and end included", bulk, count),
        _table("One image from one client, its start and end included", single, 1),
    ]


def _idle(cloud: Cloud, near: Gateway, far: Gateway, plan: Plan) -> Table:
    """Count what a worker and a menu ask for while nobody asks them."""
    seconds = plan.pick(120, 2)
    tell(f"requests: idle, {seconds} s")
    with Pair(cloud, near, far, "calculation.worker") as pair:
        menu = Program(["calculation/client.py"], pair.client.environment)
        time.sleep(plan.pick(LIVELY, 0))  # in which a worker that has just started looks often
        counts = pair.count(lambda: time.sleep(seconds))
        menu.stop()
    rows = [(side, _of_side(counts, side) * 60 / seconds) for side in ("worker", "client")]
    return Table("Requests a minute while nothing happens", ("", "requests"), rows)


def _of_side(counts: Counts, side: str) -> int:
    return sum(number for (other, _), number in counts.items() if other == side)


def _table(title: str, counts: Counts, jobs: int) -> Table:
    rows: List[Tuple[Cell, ...]] = [
        (f"{side}: {action}", number, number / jobs, 1e6 * number / jobs * _price(action))
        for (side, action), number in sorted(counts.items())
        if number > 0
    ]
    for service, of_s3 in (("SQS", False), ("S3", True)):
        kinds = {key: n for key, n in counts.items() if _is_s3(key[1]) is of_s3}
        number = sum(kinds.values())
        dollars = sum(n * _price(action) for (_, action), n in kinds.items())
        rows.append((f"all of {service}", number, number / jobs, 1e6 * dollars / jobs))
    dollars = sum(number * _price(action) for (_, action), number in counts.items())
    rows.append(("together", sum(counts.values()), None, 1e6 * dollars / jobs))
    return Table(title, ("", "requests", "a job", "dollars a million jobs"), rows)


def _is_s3(action: str) -> bool:
    return action.endswith(("Object", "Bucket"))


def _price(action: str) -> float:
    if not _is_s3(action):
        return SQS
    return PUT if action.startswith(("Put", "Post")) else GET


def _run(place: Place, arguments: List[str]) -> None:
    subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        env=place.environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        check=True,
    )
