"""Stage: a step of the work that threads of its own take, for all that waits at once."""

from __future__ import annotations

import queue
import threading
from typing import Callable, List

from .job import Job
from .lanes import carefully


class Stage:
    """A queue of finished jobs, and threads that each take what waits there and do a step with it.

    While AWS is quick, that is the jobs of one batch; the slower it is, the more share a request,
    and nothing waits longer than for the next thread to be free.

    Args:
        name: of the threads
        count: threads
        most: jobs that one of them takes, but for the last batch of them
        room: batches that may wait before `put` waits too
        step: what to do with the jobs
    """

    def __init__(
        self, name: str, count: int, most: int, room: int, step: Callable[[List[Job]], object]
    ) -> None:
        self._most = most
        self._step = step
        self._batches: queue.Queue[List[Job]] = queue.Queue(room)
        self._threads = [
            threading.Thread(target=self._run, name=name, daemon=True) for _ in range(count)
        ]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def put(self, jobs: List[Job]) -> None:
        """Have the step taken."""
        self._batches.put(jobs)

    def join(self) -> None:
        """Wait until it has been taken for all that was put."""
        self._batches.join()

    def _run(self) -> None:
        while True:
            self._take()

    def _take(self) -> None:
        """Take the step once; nothing of the jobs is kept while waiting for the next."""
        batches = self._gather()
        carefully(self._step, [job for jobs in batches for job in jobs])
        for _ in batches:
            self._batches.task_done()

    def _gather(self) -> List[List[Job]]:
        """Wait for a batch and take those behind it."""
        batches = [self._batches.get()]
        while sum(map(len, batches)) < self._most:
            try:
                batches.append(self._batches.get_nowait())
            except queue.Empty:
                break
        return batches
