"""Creates the private reply queue of a client."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Callable, Dict, Optional

from botocore.exceptions import ClientError

from ..aws import rules
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
    """Create a reply queue that nobody else may read; one at AWS refuses plain HTTP as well.

    If STS does not return the user id or SQS accepts no policy, only its name keeps it private.
    """
    attributes: Dict[AttributeName, str] = {"MessageRetentionPeriod": str(RETENTION)}
    doubt: Optional[Exception] = None
    statements = [rules.tls_only("sqs:*", "*")] if rules.over_tls(sqs) else []
    try:
        statements.append(private_to(user_id()))
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


def private_to(user_id: str) -> Dict[str, Any]:
    """Return the statement of a policy by which only this user may read a queue."""
    return {
        "Effect": "Deny",
        "Principal": {"AWS": "*"},
        "Action": PRIVATE,
        "Resource": "*",
        "Condition": {"StringNotEquals": {"aws:userid": user_id}},
    }
