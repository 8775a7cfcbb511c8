"""WorkerOptions: how much a worker takes on, and when it ends."""

from dataclasses import dataclass

from ..aws.queue_calls import MAX_BATCH
from ..errors import ConfigurationError


@dataclass(frozen=True)
class WorkerOptions:
    """How much a worker takes on, and when it ends.

    Raises ConfigurationError for values with which it would handle nothing.

    Attributes:
        concurrency: threads that handle requests
        batch: most requests that a poll returns, up to 10
        visibility_timeout: seconds for which each renewal hides a request
        max_receive_count: receives before a request goes to the dead-letter queue, 0 for never
        drain: whether to end when the queue is empty
    """

    concurrency: int = 4
    batch: int = 10
    visibility_timeout: int = 30
    max_receive_count: int = 0
    drain: bool = False

    def __post_init__(self) -> None:
        if min(self.concurrency, self.visibility_timeout) < 1 or not 1 <= self.batch <= MAX_BATCH:
            raise ConfigurationError(
                "a worker has a lane or more, polls for 1 to 10 requests, and hides them for a "
                "second or more"
            )
