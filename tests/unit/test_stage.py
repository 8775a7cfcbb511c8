"""A stage takes what waits together, and outlives the failures of its step."""

import threading
from typing import List

from messaging.envelope import Delivery
from messaging.job import Job, Result
from messaging.stage import Stage
from messaging.trouble import PassingError


def jobs(*names: str) -> List[Job]:
    """Make a batch of finished jobs."""
    return [
        Job(Delivery(name, "", 1, "", 0.0, 0.0, "", {}), name, None, Result("")) for name in names
    ]


class Recorder:
    """A step that waits to be let go, and records what it was given."""

    def __init__(self) -> None:
        self.taken: List[List[str]] = []
        self.entered, self.let_go = threading.Event(), threading.Event()

    def __call__(self, given: List[Job]) -> None:
        self.taken.append([job.correlation_id for job in given])
        self.entered.set()
        assert self.let_go.wait(10)
        if len(self.taken) == 1:
            raise PassingError("not now")


def test_what_waits_is_taken_together_up_to_the_limit_also_after_a_failure() -> None:
    """While one step is under way batches gather; the next takes them, but no more than it may."""
    step = Recorder()
    stage = Stage("stage", count=1, most=3, room=4, step=step)
    stage.start()

    stage.put(jobs("a"))
    assert step.entered.wait(10)
    for batch in (jobs("b"), jobs("c", "d"), jobs("e"), []):
        stage.put(batch)
    step.let_go.set()
    stage.join()

    assert step.taken == [["a"], ["b", "c", "d"], ["e"]]
