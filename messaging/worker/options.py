"""WorkerOptions: how a worker works."""

from dataclasses import dataclass


@dataclass(frozen=True)
class WorkerOptions:
    """How a worker works.

    Attributes:
        concurrency: threads that handle requests
        batch: requests that a poll brings, at most 10
        visibility_timeout: seconds that a request stays hidden without a sign of life
        max_receive_count: receives before a request goes to the dead-letter queue, 0 for never
        drain: whether to end when the queue is empty
    """

    concurrency: int = 4
    batch: int = 10
    visibility_timeout: int = 30
    max_receive_count: int = 0
    drain: bool = False
