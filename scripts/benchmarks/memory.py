"""Memory: what a worker and a client hold, which shall not grow with the number of jobs."""

from __future__ import annotations

from dataclasses import asdict
from typing import List, Tuple

from scripts.benchmarks.cloud import Cloud
from scripts.benchmarks.plan import Plan, tell
from scripts.benchmarks.process import measure
from scripts.benchmarks.table import Cell, Table


def tables(plan: Plan) -> List[Table]:
    """Ask one worker for more and more lists, with a new client each time."""
    tell("memory")
    rows: List[Tuple[Cell, ...]] = []
    with Cloud() as cloud:
        place = cloud.place()
        worker = place.worker()
        for count in plan.pick([100, 1_000, 5_000, 20_000], [10, 50]):
            names, environment = asdict(place.settings), place.environment
            job = "scripts.benchmarks.askers:ours"
            client = measure(job, names, count, environment=environment)
            rows.append((f"{count:,} lists", client.peak / 1e6, worker.peak() / 1e6))
    title = "Peak memory in MB, one worker for all, a new client for each row"
    return [Table(title, ("", "client", "worker so far"), rows)]
