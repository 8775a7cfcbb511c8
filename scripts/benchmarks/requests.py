"""Requests: how many both sides make to AWS per job, and their price."""

import time
from functools import partial
from typing import Any, Callable, Dict, Iterator, Sequence, Tuple

from scripts.benchmarks.contest import Plan, compare, parts
from scripts.benchmarks.place import Place
from scripts.benchmarks.process import Measured
from scripts.benchmarks.table import Table
from scripts.local_aws import LocalAws

DOLLARS, DOLLARS_TO_PUT = 0.40, 5.0  # per million requests, us-east-1
LISTS, IMAGES = ("calculation.worker",), ("image.worker", "gamma")


def tables(plan: Plan) -> Iterator[Table]:
    """Count for lists and images, in bulk and one at a time, and for idle programs."""
    many, some, images, seconds = plan.pick((10_000, 200, 50, 120), (50, 3, 3, 1))
    one_by_one = partial(Place.ask, repeats=some)
    with LocalAws() as aws:
        cases: Dict[str, Tuple[Any, ...]] = {
            f"{many:,} lists": (LISTS, many, Place.ask, "file", many),
            # The asker sends one list more, to be ready.
            f"{some} lists, one a message": (LISTS, some + 1, Place.ask, "ours", some),
            f"{some} lists, one at a time": (LISTS, some + 1, one_by_one, "ours", 1),
            f"{images} images": (IMAGES, images, Place.ask, "photos", images),
            "an idle minute": (LISTS, seconds / 60, _wait, seconds, plan.pick(12, 0)),
        }
        contenders = {name: partial(_count, aws, *case) for name, case in cases.items()}
        title = "Requests per job, of client and worker, the client's start and end included"
        yield from compare(title, contenders, parts("SQS", "S3", "$ for a million"), 1)


def _count(
    aws: LocalAws, worker: Sequence[str], jobs: float, act: Callable[..., object], *arguments: Any
) -> Measured:
    with Place(aws) as place:
        place.start(" reads ", *worker)
        place.gateway.counts.clear()
        act(place, *arguments)
    counts = place.gateway.counts
    sqs, s3 = map(place.gateway.of_service, ("sqs", "s3"))
    puts = sum(number for action, number in counts.items() if action.startswith("P"))  # Put, Post
    dollars = (sqs + s3 - puts) * DOLLARS + puts * DOLLARS_TO_PUT
    return Measured(value=(sqs / jobs, s3 / jobs, dollars / jobs))


def _wait(place: Place, seconds: float, settle: float) -> None:
    """Idle with a menu open, once the worker's polls have become long."""
    place.start("", "calculation.client")
    time.sleep(settle)
    place.gateway.counts.clear()
    time.sleep(seconds)
