"""Creates the private reply queue of a client."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Callable, Dict, Optional

from botocore.exceptions import ClientError

from ..aws.advice import explain
from ..aws.queue_calls import Queue
from ..aws.trouble import is_refusal

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType as AttributeName

logger = logging.getLogger(__name__)

RETENTION = 3600  # seconds; a client that is away for longer loses its replies
# What only the creator may do: read, and change who may. SQS allows seven actions in a policy.
PRIVATE = [
    "sqs:ReceiveMessage",
    "sqs:DeleteMessage",
    "sqs:ChangeMessageVisibility",
    "sqs:PurgeQueue",
    "sqs:SetQueueAttributes",
    "sqs:RemovePermission",
]


def create(sqs: SQSClient, name: str, user_id: Callable[[], str]) -> Queue:
    """Create a reply queue that nobody else may read, whatever permissions they have.

    If STS does not return the user id or SQS accepts no policy, only its name keeps it private.
    """
    attributes: Dict[AttributeName, str] = {"MessageRetentionPeriod": str(RETENTION)}
    doubt: Optional[Exception] = None
    try:
        attributes["Policy"] = policy(user_id())
    except Exception as error:  # a server that is not AWS may answer anything
        doubt = error
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


def policy(user_id: str) -> str:
    """Return the policy of a queue that only this user may read."""
    statement = {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": PRIVATE,
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:userid": user_id}},
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
