"""Part: the queues and the bucket of one pair of programs."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from typing import Any, Dict, List, Mapping, Optional, Sequence

import calculation
import image
from messaging import Connection, MessagingError, Settings, Storage
from messaging.aws import sweeping
from messaging.aws.advice import answered_at
from messaging.aws.queue_calls import Queue
from messaging.aws.queues import DEAD_LETTER
from messaging.aws.trouble import AWS_ERRORS, is_missing_queue
from messaging.console import commandline

PARTS: Dict[str, Mapping[str, str]] = {"calculation": calculation.NAMES, "image": image.NAMES}
Row = Dict[str, Any]  # "failed", if present, says why something could not be done
COUNTS = {
    "waiting": "ApproximateNumberOfMessages",
    "in flight": "ApproximateNumberOfMessagesNotVisible",
}


class UsageError(MessagingError):
    """Raised when a variable holds a value that its option would refuse."""

    exit_code = 2


@dataclass(frozen=True)
class Part:
    """The queues and the bucket of one pair of programs."""

    name: str
    connection: Connection

    def queue(self, name: str) -> Optional[Queue]:
        """Return a queue, or None if it does not exist."""
        try:
            url = self.connection.sqs.get_queue_url(QueueName=name)["QueueUrl"]
            return Queue(self.connection.sqs, url)
        except AWS_ERRORS as error:
            if is_missing_queue(error):
                return None
            raise

    def names(self) -> List[str]:
        """Return the names of the input queue, its dead-letter queue and the output queue."""
        inbox, outbox = self.connection.settings.input_queue, self.connection.settings.output_queue
        return [inbox, inbox + DEAD_LETTER, outbox]

    def reply_queues(self) -> List[Queue]:
        """Return the clients' private reply queues."""
        connection = self.connection
        return sweeping.existing(connection.sqs, connection.settings.output_queue)

    def account(self, queues: Sequence[Queue]) -> str:
        """Return the account id, taken from a queue if there is one, else asked of STS."""
        if queues:
            return queues[0].account
        return str(self.connection.client("sts").get_caller_identity()["Account"])

    def storage(self, queues: Sequence[Queue] = ()) -> Storage:
        """Return the bucket, whether or not it exists."""
        return self.connection.storage(self.account(queues))


def find(name: str, options: argparse.Namespace) -> Part:
    """Return a part, with the names that its programs would use."""
    names = PARTS[name]
    settings = Settings(
        _named(name, "input_queue", commandline.queue_name(80), names["input_queue"]),
        _named(name, "output_queue", commandline.queue_name(80), names["output_queue"]),
        _named(name, "bucket", commandline.bucket_name, "") or None,
        options.profile,
        options.region,
        options.endpoint_url,
    )
    return Part(name, Connection(settings))


def counted(queue: Queue) -> Dict[str, int]:
    """Return the message counts of a queue, zero if it has just been deleted."""
    try:
        told = _attributes(queue)["Attributes"]
    except AWS_ERRORS as error:
        if not is_missing_queue(error):
            raise
        return dict.fromkeys(COUNTS, 0)
    return {column: int(told[name]) for column, name in COUNTS.items()}


def time_at(queue: Queue) -> Optional[float]:
    """Return the time by SQS's clock, which also stamps messages, or None if it is unknown."""
    return answered_at(_attributes(queue)["ResponseMetadata"]["HTTPHeaders"])


def _attributes(queue: Queue) -> Any:
    call: Any = queue.sqs.get_queue_attributes
    return call(QueueUrl=queue.url, AttributeNames=list(COUNTS.values()))


def _named(part: str, what: str, convert: Any, default: str) -> str:
    variable = f"{part}_{what}".upper()
    given = os.environ.get(variable)
    try:
        return str(convert(given)) if given else default
    except argparse.ArgumentTypeError as error:
        raise UsageError(f"{variable}: {error}") from error
