"""A request being handled: the delivery, its outcome, and the log entry about both."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import List, Optional, Sequence, Tuple

from ..wire.delivery import LABEL, Delivery
from ..wire.envelope import ERROR, LONGEST_ERROR, OK, Reply

_CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f\\u2028\\u2029]+")  # no message may forge a line


@dataclass(frozen=True)
class Result:
    """What a handler returns: the reply's body, and lines for the log.

    Raises TypeError for anything but text, or for an impossible ETag: that must not come up later,
    among others' replies.
    """

    body: str
    notes: Tuple[str, ...] = ()
    etag: Optional[str] = None

    def __post_init__(self) -> None:
        for each in (self.body, *self.notes):
            if not isinstance(each, str):
                raise TypeError(f"a result is made of text, not of {each!r}")
        if self.etag and not LABEL.fullmatch(self.etag):
            raise TypeError(f"no ETag is like {self.etag!r}")


@dataclass(frozen=True)
class Job:
    """A delivery, without its body, and its outcome.

    Attributes:
        reply_to: name of the reply queue, None if no reply is to be sent
        retry_in: seconds until a failed request is retried, None if it is to be deleted
        log_key: key of the log object about it, once there is one
        answered: whether SQS has accepted the reply
    """

    delivery: Delivery
    correlation_id: str
    reply_to: Optional[str] = None
    result: Result = Result("")
    status: str = OK
    retry_in: Optional[int] = None
    seconds: float = 0.0
    log_key: str = ""
    answered: bool = False

    def reply(self) -> Reply:
        """Build the reply."""
        result = self.result
        return Reply(result.body, self.correlation_id, self.status, self.log_key, result.etag)

    def refused(self, sentence: str) -> Job:
        """Return the same job with an error as its result."""
        sentence = sentence[:LONGEST_ERROR] or "refused without a reason"
        return replace(self, status=ERROR, result=Result(sentence))

    def log_entry(self, worker: str) -> str:
        """Return the lines about this job for the log object."""
        came = datetime.fromtimestamp(self.delivery.received_at, timezone.utc)
        lines = [
            f"received  {came.isoformat(timespec='milliseconds')}, "
            f"delivery {self.delivery.receive_count} of message {self.delivery.message_id} "
            f"from {self.delivery.sender}",
            f"handled   in {self.seconds * 1000:.3f} ms by {worker}",
            *(f"note      {note}" for note in self.result.notes),
            *self._outcomes(),
            *([] if self.retry_in is None else [f"retry     in {self.retry_in} s"]),
        ]
        return "".join(_CONTROL.sub(" ", line) + "\n" for line in lines) + "\n"

    def _outcomes(self) -> List[str]:
        """Return the outcome, one log line for each line of the result."""
        body = self.result.body
        if self.status == OK and "\n" in body:
            return [f"result {number:<4} {line}" for number, line in enumerate(body.split("\n"), 1)]
        failed = "refused" if self.retry_in is None else "failed"
        return [f"{'result' if self.status == OK else failed:<9} {body}"]


def outcome(jobs: Sequence[Job]) -> str:
    """Summarise the outcome of jobs in one line."""
    answered = [job for job in jobs if job.answered]
    refused = [job for job in answered if job.status == ERROR]
    more = (
        f", {len(refused)} of them refused ({_CONTROL.sub(' ', refused[0].result.body[:200])})"
        if refused
        else ""
    )
    keys = ", ".join(dict.fromkeys(job.log_key for job in jobs))
    return f"{len(answered)} of {len(jobs)} requests answered{more}; log: {keys}"
