"""Pairs: a client and a worker, ours and others'; their speed and memory."""

import statistics
from dataclasses import replace
from functools import partial
from typing import Any, Iterator

from scripts.benchmarks.contest import PEAK, SECONDS, Column, Plan, compare, parts
from scripts.benchmarks.peers import PEERS, TUTORIAL
from scripts.benchmarks.place import Place
from scripts.benchmarks.process import Measured, peak
from scripts.benchmarks.table import Table
from scripts.local_aws import LocalAws

FILE, OURS = "client.py --file", "messaging, one list a message"
ASKERS = {FILE: "file", OURS: "ours", TUTORIAL: "tutorial"}
# Lists: as many as keep each pair busy for a few seconds.
COUNTS = dict(zip((FILE, OURS, *PEERS), (300_000, 3000, 60, 300, 100, 300)))


def throughput(plan: Plan) -> Iterator[Table]:
    """Measure lists per second of each client and its worker, near and far."""
    delays = plan.pick((0, 15, 40), (15,))  # milliseconds

    def rates(name: str) -> Measured:
        count = plan.pick(COUNTS[name], 10)
        took = (_pair(aws, delay, name, count).seconds[0] for delay in delays)
        return Measured(value=[count / seconds for seconds in took])

    with LocalAws() as aws:
        contenders = {name: partial(rates, name) for name in COUNTS}
        columns = parts(*(f"{delay} ms" for delay in delays), beside=True)
        title = "Lists per second, by milliseconds added on the way to the server"
        yield from compare(title, contenders, columns, plan.rounds, TUTORIAL)


def latency(plan: Plan) -> Iterator[Table]:
    """Measure the time from a list to its reply, on the server that ends long polls as AWS does."""
    late = Column("9 of 10 within", lambda each: statistics.quantiles(each.seconds, n=10)[-1])
    how = {"repeats": plan.pick(40, 3), "warm": 1, "pause": 0.2}
    with LocalAws(plan.pick("moto", "")) as aws:
        contenders = {name: partial(_pair, aws, 15, name, 1, **how) for name in (TUTORIAL, OURS)}
        title = "Seconds from a list to its reply, one at a time, 15 ms added"
        yield from compare(title, contenders, (SECONDS, late), plan.rounds)


def memory(plan: Plan) -> Iterator[Table]:
    """Measure ever longer files, with which neither side's memory may grow."""
    worker = Column("worker's peak MB", lambda each: each.worker_peak / 1e6)
    counts = plan.pick((1_000, 100_000, 1_000_000), (9, 50))
    with LocalAws() as aws:
        contenders = {f"{count:,} lists": partial(_pair, aws, 0, FILE, count) for count in counts}
        title = "A file of lists from client.py (seconds, peak) to worker.py"
        yield from compare(title, contenders, (SECONDS, PEAK, worker), plan.rounds)


def _pair(aws: LocalAws, delay: int, name: str, count: int, **how: Any) -> Measured:
    """Start a worker, and measure its client."""
    with Place(aws, delay) as place:
        if name in (FILE, OURS):
            worker = place.start(" reads ", "calculation.worker")
        else:
            worker = place.start("ready", "scripts.benchmarks.peers", name)
        asked = place.ask(ASKERS.get(name, "peer"), count, name, **how)
        return replace(asked, worker_peak=peak(worker.pid))
