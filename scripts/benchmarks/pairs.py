"""Throughput: lists a second, one client process and one worker process, near and far."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Dict, List, Mapping, Tuple

from scripts.benchmarks.cloud import Cloud, Place, Program
from scripts.benchmarks.peers import installed
from scripts.benchmarks.plan import Plan, tell
from scripts.benchmarks.process import Measured, measure
from scripts.benchmarks.sample import Sample
from scripts.benchmarks.table import Cell, Table

ASKERS = "scripts.benchmarks.askers"
DELAYS = (0, 5, 15, 40)  # milliseconds
OURS, TUTORIAL = "messaging", "tutorial loop"
Rates = Dict[str, Dict[int, Sample]]


def tables(plan: Plan) -> List[Table]:
    """Measure lists a second at each distance, and the worker's CPU time for a list."""
    delays = plan.pick(DELAYS, (0, 15))
    rates: Rates = {}
    with Cloud() as cloud:
        for delay in delays:
            for name, sample in _rates(cloud, delay, plan).items():
                rates.setdefault(name, {})[delay] = sample
        used = _cpu(cloud, plan)
    return [_table(rates, delays), used]


def _table(rates: Rates, delays: Tuple[int, ...]) -> Table:
    rows: List[Tuple[Cell, ...]] = [
        (name, *(by_delay.get(delay) for delay in delays)) for name, by_delay in rates.items()
    ]
    for name in rates:
        if name != OURS:
            ours, theirs = rates[OURS], rates[name]
            ratios = [ours[each].beside(theirs[each]) for each in delays if each in theirs]
            rows.append((f"{OURS} beside {name}", *ratios))
    first = rates[OURS][delays[0]]
    rows.append(("left of the nearest", *(rates[OURS][each].beside(first) for each in delays)))
    return Table(
        "Lists a second, by milliseconds added on the way to the server",
        ("", *(f"{delay} ms" for delay in delays)),
        rows,
        ("One client process and one worker process, from the first request to the last reply.",),
    )


def _rates(cloud: Cloud, delay: int, plan: Plan) -> Dict[str, Sample]:
    """Measure all contenders, whose workers wait side by side, in turn."""
    tell(f"throughput: {delay} ms")
    contenders = {name: cloud.place(delay) for name in _contenders(plan)}
    for name, place in contenders.items():
        _start(name, place)
    found: Dict[str, List[float]] = {name: [] for name in contenders}
    for _ in range(plan.rounds):
        for name, place in contenders.items():
            count = _count(name, plan)
            found[name].append(count / _ask(name, place, count).seconds[0])
    for place in contenders.values():
        place.close()
    return {name: Sample.of(values) for name, values in found.items()}


def _contenders(plan: Plan) -> List[str]:
    if plan.quick:
        return [OURS, TUTORIAL]
    return [OURS, TUTORIAL, *installed()]


def _start(name: str, place: Place) -> Program:
    if name == OURS:
        return place.worker()
    names = place.settings.input_queue, place.settings.output_queue
    if name == TUTORIAL:
        return place.start(["-m", "scripts.benchmarks.loops", "tutorial", *names], "ready")
    return place.start(["-m", "scripts.benchmarks.peers", name, *names], "ready")


def _count(name: str, plan: Plan) -> int:
    """Choose so many lists that each contender takes a few seconds."""
    full = {OURS: 2000, TUTORIAL: 60, "Celery": 100}
    return plan.pick(full.get(name, 300), 50 if name == OURS else 5)


def _ask(name: str, place: Place, count: int) -> Measured:
    settings = asdict(place.settings)
    if name == OURS:
        return measure(f"{ASKERS}:ours", settings, count, environment=place.environment)
    if name == TUTORIAL:
        return measure(f"{ASKERS}:tutorial", settings, count, environment=place.environment)
    return measure(f"{ASKERS}:peer", settings, count, name, environment=place.environment)


def _cpu(cloud: Cloud, plan: Plan) -> Table:
    """Measure the CPU time of our worker for a list beside that of the bare batch calls."""
    tell("throughput: CPU time")
    place, count = cloud.place(), plan.pick(2000, 50)
    worker = place.worker()
    settings, environment = asdict(place.settings), place.environment
    mine, bare = [], []
    for _ in range(plan.rounds):
        before = worker.cpu_seconds()
        measure(f"{ASKERS}:ours", settings, count, environment=environment)
        mine.append((worker.cpu_seconds() - before) / (count + 20) * 1000)
        bare.append(_bare_cpu(cloud.place(), count, environment) / count * 1000)
    place.close()
    samples = {"our worker": Sample.of(mine), "botocore, the same requests": Sample.of(bare)}
    rows = [
        (name, sample, sample.beside(samples["botocore, the same requests"]))
        for name, sample in samples.items()
    ]
    return Table("CPU milliseconds of the worker for a list, in bulk", ("", "ms", "beside"), rows)


def _bare_cpu(place: Place, count: int, environment: Mapping[str, Any]) -> float:
    settings = asdict(place.settings)
    return measure(f"{ASKERS}:bulk", settings, count, environment=environment).cpu[0]
