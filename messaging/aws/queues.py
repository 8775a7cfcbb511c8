"""Finds the queues of the programs, and creates those that are not there yet."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Dict, Optional

from botocore.exceptions import ClientError

from . import rules
from .advice import explain
from .queue_calls import Queue
from .trouble import AWS_ERRORS, code_of, is_missing_queue, is_refusal

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType as AttributeName

logger = logging.getLogger(__name__)

MAX_RECEIVE_COUNT = 5
DEAD_LETTER = "-dead-letter"
DEAD_LETTER_RETENTION = 14 * 24 * 3600  # seconds since it was sent; the input queue keeps 4 days
_EXISTS = {"QueueAlreadyExists", "QueueNameExists"}


def open_queue(sqs: SQSClient, name: str, dead_letter: bool = False) -> Queue:
    """Find a queue or create it; with `dead_letter`, create its dead-letter queue too."""
    url = _find(sqs, name)
    if url is None:
        attributes = _redrive_attributes(sqs, name) if dead_letter else {}
        url = _create_queue(sqs, name, attributes)
    return Queue(sqs, url)


def complete_queue(queue: Queue) -> None:
    """Create the dead-letter queue of an input queue if it lacks one; warns if AWS refuses."""
    try:
        target = _redrive_policy(queue).get("deadLetterTargetArn", "").rsplit(":", 1)[-1]
        if not target:
            attributes = _redrive_attributes(queue.sqs, queue.name)
            queue.sqs.set_queue_attributes(QueueUrl=queue.url, Attributes=attributes)
        elif _find(queue.sqs, target) is None:
            _create_dead_letter_queue(queue.sqs, target)
    except AWS_ERRORS as error:
        logger.warning("The dead-letter queue of %s is not there: %s.", queue.name, explain(error))


def max_receive_count(queue: Queue) -> int:
    """Return after how many receives a message goes to the dead-letter queue; 0 for never."""
    return int(_redrive_policy(queue).get("maxReceiveCount", 0))


def _find(sqs: SQSClient, name: str) -> Optional[str]:
    try:
        return sqs.get_queue_url(QueueName=name)["QueueUrl"]
    except ClientError as error:
        if not is_missing_queue(error):
            raise
        return None


def _create_queue(sqs: SQSClient, name: str, attributes: Dict[AttributeName, str]) -> str:
    """Create a queue closed to plain HTTP; use the one that somebody else just created."""
    closed = dict(attributes)
    if rules.over_tls(sqs):
        closed["Policy"] = rules.policy(rules.tls_only("sqs:*", "*"))
    try:
        return sqs.create_queue(QueueName=name, Attributes=closed)["QueueUrl"]
    except ClientError as error:
        if code_of(error) in _EXISTS:
            return sqs.get_queue_url(QueueName=name)["QueueUrl"]
        if not is_refusal(error):
            raise
        return sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]  # not AWS


def _create_dead_letter_queue(sqs: SQSClient, name: str) -> str:
    return _create_queue(sqs, name, {"MessageRetentionPeriod": str(DEAD_LETTER_RETENTION)})


def _redrive_policy(queue: Queue) -> Dict[str, Any]:
    answer = queue.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["RedrivePolicy"])
    policy: Dict[str, Any] = json.loads(answer.get("Attributes", {}).get("RedrivePolicy", "{}"))
    return policy


def _redrive_attributes(sqs: SQSClient, name: str) -> Dict[AttributeName, str]:
    """Find or create the dead-letter queue of a queue; return the attributes that point to it."""
    dead = name + DEAD_LETTER
    url = _find(sqs, dead) or _create_dead_letter_queue(sqs, dead)
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    policy = {
        "deadLetterTargetArn": answer["Attributes"]["QueueArn"],
        "maxReceiveCount": MAX_RECEIVE_COUNT,
    }
    return {"RedrivePolicy": json.dumps(policy)}
