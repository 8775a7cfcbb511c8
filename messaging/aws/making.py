"""Making what the programs need in AWS, where it is not there yet: queues and the bucket."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict

from botocore.exceptions import ClientError

from ..errors import ConfigurationError
from ..wire.envelope import PAYLOADS
from .bucket import LOGS, MISSING, Storage
from .queues import Queue
from .trouble import code_of, is_missing_queue

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import PublicAccessBlockConfigurationTypeDef
    from mypy_boto3_sqs.client import SQSClient
    from mypy_boto3_sqs.literals import QueueAttributeNameType as AttributeName

MAX_RECEIVE_COUNT = 5
DEAD_LETTER = "-dead-letter"
DEAD_LETTER_RETENTION = 14 * 24 * 3600  # seconds; longer than a queue's own 4 days
TLS_ONLY = {
    "Sid": "TlsOnly",
    "Effect": "Deny",
    "Principal": "*",
    "Condition": {"Bool": {"aws:SecureTransport": "false"}},
}
_PRIVATE: PublicAccessBlockConfigurationTypeDef = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


def open_queue(sqs: SQSClient, name: str, dead_letter: bool = False) -> Queue:
    """Find a queue or create it; an input queue gets a dead-letter queue beside it."""
    try:
        return Queue(sqs, sqs.get_queue_url(QueueName=name)["QueueUrl"])
    except ClientError as error:
        if not is_missing_queue(error):
            raise
    attributes = _redrive_attributes(sqs, name) if dead_letter else {}
    attributes["Policy"] = _tls_only("sqs:*", "*")
    return Queue(sqs, sqs.create_queue(QueueName=name, Attributes=attributes)["QueueUrl"])


def max_receive_count(queue: Queue) -> int:
    """Tell after how many receives a message goes to the dead-letter queue; 0 where never."""
    answer = queue.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["RedrivePolicy"])
    policy = json.loads(answer.get("Attributes", {}).get("RedrivePolicy", "{}"))
    return int(policy.get("maxReceiveCount", 0))


def _redrive_attributes(sqs: SQSClient, name: str) -> Dict[AttributeName, str]:
    attributes: Dict[AttributeName, str] = {"MessageRetentionPeriod": str(DEAD_LETTER_RETENTION)}
    attributes["Policy"] = _tls_only("sqs:*", "*")
    url = sqs.create_queue(QueueName=name + DEAD_LETTER, Attributes=attributes)["QueueUrl"]
    answer = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])
    policy = {
        "deadLetterTargetArn": answer["Attributes"]["QueueArn"],
        "maxReceiveCount": MAX_RECEIVE_COUNT,
    }
    return {"RedrivePolicy": json.dumps(policy)}


def open_bucket(storage: Storage) -> None:
    """Make sure the bucket is there and ours, or create it; raises ConfigurationError."""
    try:
        storage.s3.head_bucket(Bucket=storage.bucket, **storage.owned)
    except ClientError as error:
        if code_of(error) == "403":
            raise ConfigurationError(
                f"the bucket {storage.bucket} belongs to somebody else, or the credentials may "
                "not list it: choose another with --bucket, or allow s3:ListBucket"
            ) from error
        if code_of(error) not in MISSING:
            raise
        _create(storage)


def _create(storage: Storage) -> None:
    region = storage.s3.meta.region_name
    place: Any = {"LocationConstraint": region}
    extra = {} if region == "us-east-1" else {"CreateBucketConfiguration": place}
    try:
        storage.s3.create_bucket(Bucket=storage.bucket, **extra)
    except ClientError as error:
        if code_of(error) != "BucketAlreadyOwnedByYou":  # another program was faster
            raise
    storage.s3.put_public_access_block(
        Bucket=storage.bucket,
        PublicAccessBlockConfiguration=_PRIVATE,
    )
    if storage.s3.meta.endpoint_url.startswith("https:"):  # what is asked otherwise is no AWS
        storage.s3.put_bucket_policy(Bucket=storage.bucket, Policy=bucket_policy(storage))
    rules: Any = [_expiry(PAYLOADS, 7), _expiry(LOGS, 90), _UNFINISHED_UPLOADS]
    storage.s3.put_bucket_lifecycle_configuration(
        Bucket=storage.bucket, LifecycleConfiguration={"Rules": rules}
    )


def bucket_policy(storage: Storage) -> str:
    """Write the policy of a bucket, which denies what comes by plain HTTP."""
    arn = f"arn:{storage.s3.meta.partition}:s3:::{storage.bucket}"
    return _tls_only("s3:*", arn, f"{arn}/*")


def _tls_only(actions: str, *resources: str) -> str:
    """Write the policy that denies what comes by plain HTTP."""
    statement = {**TLS_ONLY, "Action": actions, "Resource": [*resources]}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def _expiry(prefix: str, days: int) -> Dict[str, Any]:
    return {
        "ID": prefix.rstrip("/"),
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "Expiration": {"Days": days},
    }


_UNFINISHED_UPLOADS = {
    "ID": "unfinished-uploads",
    "Status": "Enabled",
    "Filter": {"Prefix": ""},
    "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
}
