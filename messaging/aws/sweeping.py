"""Sweeping: deletes the reply queues that crashed clients left behind."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Iterator, List, Tuple

from ..wire.names import made_at
from .advice import answered_at, explain
from .queue_calls import Queue
from .trouble import AWS_ERRORS, is_missing_queue

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient

logger = logging.getLogger(__name__)

ORPHAN_AGE = 48.0  # hours; a client that waits for longer has to create another queue
_MESSAGES = [
    "ApproximateNumberOfMessages",
    "ApproximateNumberOfMessagesNotVisible",
    "ApproximateNumberOfMessagesDelayed",
]


def existing(sqs: SQSClient, output_queue: str) -> List[Queue]:
    """Return the private reply queues; AWS lists deleted ones too, for a minute."""
    pages = sqs.get_paginator("list_queues").paginate(
        QueueNamePrefix=f"{output_queue}-", PaginationConfig={"PageSize": 1000}
    )
    queues = [Queue(sqs, url) for page in pages for url in page.get("QueueUrls", ())]
    return [queue for queue in queues if made_at(queue.name, output_queue)]


def sweep(
    sqs: SQSClient, output_queue: str, hours: float = ORPHAN_AGE
) -> Iterator[Tuple[Queue, str]]:
    """Delete the private reply queues that are older than `hours` and empty.

    Yields each that was deleted with an empty text, and each that could not be with the reason.
    """

    def sweep_one(queue: Queue) -> Tuple[Queue, str]:
        try:
            if _is_orphan(queue, hours * 3600):
                sqs.delete_queue(QueueUrl=queue.url)
                return queue, ""
            return queue, "in use"
        except AWS_ERRORS as error:
            return queue, "in use" if is_missing_queue(error) else explain(error)

    for queue, reason in map(sweep_one, existing(sqs, output_queue)):
        if reason != "in use":
            yield queue, reason


def sweep_quietly(sqs: SQSClient, output_queue: str) -> None:
    """Sweep as far as permissions allow; failure is only logged, for debugging."""
    try:
        swept = [queue for queue, reason in sweep(sqs, output_queue) if not reason]
    except AWS_ERRORS as error:
        logger.debug("No reply queues are swept: %s.", explain(error))
        return
    if swept:
        logger.info("%d reply queues of crashed clients swept.", len(swept))


def _is_orphan(queue: Queue, seconds: float) -> bool:
    """Return whether a queue is old, by SQS's clock, and empty, so unused for an hour at least."""
    call: Any = queue.sqs.get_queue_attributes
    answer = call(QueueUrl=queue.url, AttributeNames=["CreatedTimestamp", *_MESSAGES])
    now = answered_at(answer["ResponseMetadata"]["HTTPHeaders"])
    told = answer["Attributes"]
    if now is None or any(int(told.get(name, 0)) for name in _MESSAGES):
        return False
    return now - float(told["CreatedTimestamp"]) > seconds
