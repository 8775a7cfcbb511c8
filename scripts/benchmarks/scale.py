"""Scale: more workers, more clients, longer lists, larger images."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any, List, Sequence, Tuple

from scripts.benchmarks import pictures
from scripts.benchmarks.cloud import Cloud
from scripts.benchmarks.line import Line
from scripts.benchmarks.lists import write_list
from scripts.benchmarks.plan import Plan, tell
from scripts.benchmarks.process import measure
from scripts.benchmarks.sample import Sample
from scripts.benchmarks.table import Cell, Table
from tests.gateway import Gateway

ASKERS = "scripts.benchmarks.askers"
MILLISECONDS = 40  # far enough that the network is waited for, not the processors of this machine
LISTS = 2000


def tables(plan: Plan) -> List[Table]:
    """Measure each direction of growth by itself."""
    with Cloud() as cloud, tempfile.TemporaryDirectory() as folder:
        return [
            _workers(cloud, plan),
            _clients(cloud, plan),
            _lists(Path(folder), plan),
            _images(Path(folder), plan),
        ]


def _workers(cloud: Cloud, plan: Plan) -> Table:
    place = cloud.place(MILLISECONDS)
    rows: List[Tuple[Cell, ...]] = []
    started = 0
    for number in plan.pick([1, 2, 4], [1, 2]):
        tell(f"scale: {number} workers")
        while started < number:
            place.worker()
            started += 1
        count = plan.pick(LISTS, 40)
        rates = [count / _ask(place, "ours", count).seconds[0] for _ in range(plan.rounds)]
        rows.append((f"{number} workers", Sample.of(rates)))
    place.close()
    title = f"Lists a second from one client, {MILLISECONDS} ms added"
    return Table(title, ("", "lists a second"), rows)


def _clients(cloud: Cloud, plan: Plan) -> Table:
    """Count requests, which shall not depend on how many clients share a worker."""
    rows: List[Tuple[Cell, ...]] = []
    with Gateway(cloud.url) as gateway:
        place = cloud.place(url=gateway.url)
        place.worker()
        for number in plan.pick([1, 3, 10, 30, 100], [1, 2]):
            tell(f"scale: {number} clients")
            count = plan.pick(600, 20) // number
            session = _count(gateway, place, number, 0)
            asked = _count(gateway, place, number, count)
            requests = (asked - session) / (number * count)
            rows.append((f"{number} clients", number * count, requests))
        place.close()
    note = "Each client sends its lists at once. A worker answers each client by a call of its own."
    columns = ("", "lists in all", "SQS requests a list")
    return Table("Requests with more clients, sessions left out", columns, rows, (note,))


def _count(gateway: Gateway, place: Any, clients: int, lists: int) -> int:
    gateway.counts.clear()
    _ask(place, "many", clients, lists)
    return gateway.of_service("sqs")


def _ask(place: Any, job: str, *arguments: int) -> Any:
    names = asdict(place.settings)
    return measure(f"{ASKERS}:{job}", names, *arguments, environment=place.environment)


def _lists(folder: Path, plan: Plan) -> Table:
    points, rounds = [], plan.rounds
    for count in plan.pick([10**power for power in range(1, 8)], [10, 1000]):
        tell(f"scale: {count:,} integers")
        path, repeats = str(write_list(folder, count)), max(3, 10**5 // count)
        job = "scripts.benchmarks.lists:ours"
        took = [measure(job, path, repeats=repeats, warm=1).seconds for _ in range(rounds)]
        points.append((count, Sample.of(Sample.of(each).median for each in took)))
    return _fitted("Time for a list", "integers", points)


def _images(folder: Path, plan: Plan) -> Table:
    points = []
    for size in plan.pick([0.1, 1, 3, 12, 30, 100], [0.05, 0.1]):
        tell(f"scale: {size} megapixels")
        path = str(pictures.write(folder / f"{size}.jpg", size))
        job = "scripts.benchmarks.image_jobs:ours"
        took = [measure(job, path, repeats=3, warm=1).seconds for _ in range(plan.rounds)]
        points.append((round(size * 1e6), Sample.of(Sample.of(each).median for each in took)))
    return _fitted("Time for a JPEG", "pixels", points)


def _fitted(title: str, unit: str, points: Sequence[Tuple[int, Sample]]) -> Table:
    """Show the points beside the straight line through them."""
    plain = [(float(size), sample.median) for size, sample in points]
    line = Line.through(plain)
    rows = [
        (f"{size:,} {unit}", sample.map(lambda s: s * 1000), 1000 * (line.base + line.slope * size))
        for size, sample in points
    ]
    note = (
        f"The line: {line.base * 1000:.3g} ms and {line.slope * 1e9:.3g} ns for each of the {unit};"
        f" largest deviation {line.deviation(plain):.0%}."
    )
    return Table(title, ("", "milliseconds", "the line"), rows, (note,))
