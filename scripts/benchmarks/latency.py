"""Latency: one list at a time, beside the bare requests that any pair of programs needs."""

from __future__ import annotations

from dataclasses import asdict
from typing import Dict, List, Tuple

from scripts.benchmarks.cloud import Cloud, Place
from scripts.benchmarks.plan import Plan, tell
from scripts.benchmarks.process import measure
from scripts.benchmarks.sample import Sample
from scripts.benchmarks.table import Cell, Table

ASKERS = "scripts.benchmarks.askers"
MILLISECONDS = 15
NOTES = {
    "": "",
    "ministack": " (MiniStack, which looks for messages ten times a second)",
    "moto": " (moto, which answers a waiting poll at once, as AWS does)",
}
FLOOR, WAITING, OURS = "four bare requests", "the same, two of them waiting", "messaging"
JOBS = {FLOOR: "four", WAITING: "bare", OURS: "one_by_one"}


def tables(plan: Plan) -> List[Table]:
    """Measure from the request to the reply, on servers that wait in different ways."""
    kinds = plan.pick(["ministack", "moto"], [""])
    return [_measure(kind, plan) for kind in kinds]


def _measure(kind: str, plan: Plan) -> Table:
    tell(f"latency: {MILLISECONDS} ms {kind}")
    count = plan.pick(40, 3)
    times: Dict[str, List[Sample]] = {name: [] for name in JOBS}
    with Cloud(kind) as cloud:
        places = {name: cloud.place(MILLISECONDS) for name in times}
        _start_echo(places[WAITING])
        places[OURS].worker()
        for _ in range(plan.rounds):
            for name, job in JOBS.items():
                place = places[name]
                options = {"environment": place.environment}
                asked = measure(f"{ASKERS}:{job}", asdict(place.settings), count, **options)
                times[name].append(Sample.of(asked.value).map(lambda value: value * 1000))
    return _table(times, count, kind)


def _start_echo(place: Place) -> None:
    names = place.settings.input_queue, place.settings.output_queue
    place.start(["-m", "scripts.benchmarks.loops", "echo", *names], "ready")


def _table(times: Dict[str, List[Sample]], count: int, kind: str) -> Table:
    rows: List[Tuple[Cell, ...]] = []
    medians = {name: Sample.of(each.median for each in rounds) for name, rounds in times.items()}
    for name, rounds in times.items():
        late = Sample.of(value for each in rounds for value in each.values).quantile(0.99)
        rows.append((name, medians[name], late, medians[name].beside(medians[FLOOR])))
    return Table(
        f"Milliseconds from a list to its reply, {MILLISECONDS} ms added{NOTES[kind]}",
        ("", "median", "99 of 100 within", "beside"),
        rows,
        (
            f"{count} lists a round, one at a time, with random pauses between. The floor is send, "
            "receive, send, receive, one after the other. Where both sides wait already, the "
            "receives cost no way to the server; the log object, which is there before the reply "
            "is, costs one more.",
        ),
    )
