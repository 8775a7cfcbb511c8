"""Creates what the programs need in AWS, if it is not there yet: queues and the bucket."""

from __future__ import annotations

import json
import logging
from typing import TYPE_CHECKING, Any, Dict, Optional

from botocore.exceptions import ClientError

from ..errors import ConfigurationError
from . import rules
from .advice import explain
from .bucket import MISSING, Storage
from .queues import Queue
from .trouble import AWS_ERRORS, code_of, is_denied, is_missing_queue, is_refusal

if TYPE_CHECKING:
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType as AttributeName

logger = logging.getLogger(__name__)

MAX_RECEIVE_COUNT = 5
DEAD_LETTER = "-dead-letter"
DEAD_LETTER_RETENTION = 14 * 24 * 3600  # seconds since it was sent; the input queue keeps 4 days
BUCKET_PREFIX = "aws-project-"  # of the default name; we set rules on buckets named so
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


def open_bucket(storage: Storage) -> None:
    """Find the bucket or create it; raises ConfigurationError if it is somebody else's.

    If the creation of one of ours was interrupted, it is completed as far as permissions allow.
    """
    finished = _is_finished(storage)
    if finished is None:
        _create_bucket(storage)
        rules.complete(storage, mark=True)
    elif not finished and _is_ours(storage):
        rules.complete(storage, mark=True)


def complete_bucket(storage: Storage) -> None:
    """Find or create the bucket, and check each rule that a bucket of ours should have."""
    open_bucket(storage)
    if _is_ours(storage):
        rules.complete(storage, mark=False)
    else:
        logger.warning(
            "The bucket %s was not made by these programs, so its rules are left as they are.",
            storage.bucket,
        )


def made_by_us(storage: Storage) -> bool:
    """Return whether the bucket exists and has the tag of those that the programs create."""
    try:
        return rules.is_marked(storage)
    except ClientError as error:
        if code_of(error) in MISSING:
            return False
        raise


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
        closed["Policy"] = rules.tls_only("sqs:*", "*")
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


def _is_finished(storage: Storage) -> Optional[bool]:
    """Return whether the creation of the bucket was completed; None if there is no bucket.

    Without permission to read the rules, assume that it was.
    """
    owner: Dict[str, Any] = {"ExpectedBucketOwner": storage.owner} if storage.owner else {}
    try:
        storage.s3.get_bucket_lifecycle_configuration(Bucket=storage.bucket, **owner)
    except ClientError as error:
        if code_of(error) in (rules.NO_LIFECYCLE, *MISSING):
            return False if code_of(error) == rules.NO_LIFECYCLE else None
        if not is_denied(error) and not rules.knows_not(error):
            raise
        return True if _is_there(storage, owner) else None
    return True


def _is_there(storage: Storage, owner: Dict[str, Any]) -> bool:
    try:
        storage.s3.head_bucket(Bucket=storage.bucket, **owner)
    except ClientError as error:
        if code_of(error) == "403":
            raise ConfigurationError(
                f"the bucket {storage.bucket} belongs to somebody else, or the credentials may "
                "not look at it: choose another with --bucket, or allow "
                "s3:GetLifecycleConfiguration or s3:ListBucket"
            ) from error
        if code_of(error) not in MISSING:
            raise
        return False
    return True


def _create_bucket(storage: Storage) -> None:
    region = storage.s3.meta.region_name
    place: Any = {"LocationConstraint": region}
    extra = {} if region == "us-east-1" else {"CreateBucketConfiguration": place}
    try:
        storage.s3.create_bucket(Bucket=storage.bucket, **extra)
    except ClientError as error:
        if code_of(error) != "BucketAlreadyOwnedByYou":  # another program was faster
            raise


def _is_ours(storage: Storage) -> bool:
    """Return whether the bucket is one that the programs create, by its name or its tag."""
    return storage.bucket.startswith(BUCKET_PREFIX) or _may_be_marked(storage)


def _may_be_marked(storage: Storage) -> bool:
    try:
        return made_by_us(storage)
    except AWS_ERRORS:  # a bucket that we may not inspect is not one to change
        return False
