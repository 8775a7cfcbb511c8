"""Finds the queues of the programs, and creates those that are not there yet."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

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
REPLY_RETENTION = 3600  # seconds; a client that is away for longer loses its replies
# What only the creator may do: read, and change who may. SQS allows seven actions in a policy.
_PRIVATE = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:PurgeQueue",
    "sqs:SetQueueAttributes",
    "sqs:RemovePermission",
]
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


def create_reply_queue(sqs: SQSClient, name: str, user_id: Callable[[], str]) -> Queue:
    """Create a reply queue that nobody else may read; one at AWS refuses plain HTTP as well.

    If STS does not return the user id or SQS accepts no policy, only its name keeps it private.
    """
    attributes: Dict[AttributeName, str] = {"MessageRetentionPeriod": str(REPLY_RETENTION)}
    statements = [rules.tls_only("sqs:*", "*")] if rules.over_tls(sqs) else []
    doubt: Optional[Exception] = None
    try:
        statements.append(_private_to(user_id()))
    except Exception as error:  # a server that is not AWS may answer anything
        doubt = error
    if statements:
        attributes["Policy"] = rules.policy(*statements)
    try:
        answer = sqs.create_queue(QueueName=name, Attributes=attributes)
    except ClientError as error:
        if not is_refusal(error) or not attributes.pop("Policy", None):
            raise
        doubt = error
        answer = sqs.create_queue(QueueName=name, Attributes=attributes)
    if doubt:
        logger.warning("Only its name keeps our reply queue private: %s.", explain(doubt))
    return Queue(sqs, answer["QueueUrl"])


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


def _private_to(user_id: str) -> Dict[str, Any]:
    """Return the statement of a policy by which only this user may read a queue."""
    return {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": _PRIVATE,
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:userid": user_id}},
    }


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
