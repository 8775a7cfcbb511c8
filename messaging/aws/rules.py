"""Rules: the tag, policy and lifecycle of a bucket of ours, so that it stays private and small."""

from __future__ import annotations

import json
import logging
import re
from typing import TYPE_CHECKING, Any, Callable, Dict, List

from botocore.exceptions import ClientError

from ..wire.envelope import LOGS, PAYLOADS
from .advice import explain
from .trouble import AWS_ERRORS, code_of, is_denied, status_of

if TYPE_CHECKING:
    from mypy_boto3_s3.type_defs import PublicAccessBlockConfigurationTypeDef, TagTypeDef

    from .storage import Storage

logger = logging.getLogger(__name__)

# Days. A payload must outlive its request: 14 days dead, 4 after a redrive, and 14 dead again.
PAYLOAD_DAYS = 35
LOG_DAYS = 90
NO_LIFECYCLE = "NoSuchLifecycleConfiguration"
_MARK: TagTypeDef = {"Key": "aws-project", "Value": "made by the programs"}
_PRIVATE: PublicAccessBlockConfigurationTypeDef = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}
# What S3 says instead of a tag, block, policy or lifecycle that is not there, or of a bucket.
_NONE_YET = re.compile("NoSuch(TagSet|PublicAccessBlock|Lifecycle|Bucket)")


def is_marked(storage: Storage) -> bool:
    """Return whether the bucket exists and has the tag of those that the programs create."""
    return _MARK in _tags(storage)


def complete(storage: Storage, mark: bool) -> None:
    """Set the rules that the bucket lacks, and warn about those that cannot be set.

    The lifecycle comes last, and only if the rest is done: it tells the next start that nothing
    is left to do.

    Args:
        mark: whether to tag the bucket as created by the programs
    """
    if mark:
        _attempt(storage, "tag", "s3:PutBucketTagging", _tag)
    if over_tls(storage.s3):
        _attempt(storage, "policy", "s3:PutBucketPolicy", _refuse_plain_http)
    if _attempt(storage, "public access block", "s3:PutBucketPublicAccessBlock", _close):
        _attempt(storage, "lifecycle", "s3:PutLifecycleConfiguration", _limit)


def over_tls(client: Any) -> bool:
    """Return whether a client uses HTTPS, so that closing plain HTTP does not lock it out."""
    url: str = client.meta.endpoint_url
    return url.startswith("https:")


def tls_only(actions: str, *resources: str) -> Dict[str, Any]:
    """Return the statement of a policy by which a queue or a bucket refuses plain HTTP."""
    return {
        "Sid": "TlsOnly",
        "Effect": "Deny",
        "Principal": "*",
        "Action": actions,
        "Resource": resources,
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }


def policy(*statements: Dict[str, Any]) -> str:
    """Return a policy in JSON."""
    return json.dumps({"Version": "2012-10-17", "Statement": statements})


def knows_not(error: Exception) -> bool:
    """Return whether the server does not implement the call, as some that are not AWS."""
    return isinstance(error, ClientError) and (
        status_of(error) in (405, 501) or code_of(error) in ("NotImplemented", "MethodNotAllowed")
    )


def _attempt(storage: Storage, what: str, right: str, step: Callable[[Storage], None]) -> bool:
    """Take a step, or warn; return False if it may succeed at a later start."""
    try:
        step(storage)
    except AWS_ERRORS as error:
        reason = explain(error) + (f", which takes the right {right}" if is_denied(error) else "")
        logger.warning("The bucket %s goes without its %s: %s.", storage.bucket, what, reason)
        return knows_not(error)
    return True


def _get(storage: Storage, call: Callable[..., Any]) -> Dict[str, Any]:
    """Return a setting of the bucket, empty if there is none."""
    try:
        answer: Dict[str, Any] = call(**storage.where)
        return answer
    except ClientError as error:
        if not _NONE_YET.match(code_of(error)):
            raise
        return {}


def _tags(storage: Storage) -> List[Any]:
    tags: List[Any] = _get(storage, storage.s3.get_bucket_tagging).get("TagSet", [])
    return tags


def _tag(storage: Storage) -> None:
    tags = _tags(storage)
    if _MARK not in tags:
        storage.s3.put_bucket_tagging(**storage.where, Tagging={"TagSet": [*tags, _MARK]})


def _close(storage: Storage) -> None:
    if not _get(storage, storage.s3.get_public_access_block):
        storage.s3.put_public_access_block(**storage.where, PublicAccessBlockConfiguration=_PRIVATE)


def _refuse_plain_http(storage: Storage) -> None:
    if not _get(storage, storage.s3.get_bucket_policy):
        bucket = f"arn:{storage.s3.meta.partition}:s3:::{storage.bucket}"
        closed = policy(tls_only("s3:*", bucket, f"{bucket}/*"))
        storage.s3.put_bucket_policy(**storage.where, Policy=closed)


def _limit(storage: Storage) -> None:
    there = lifecycle(storage)
    lacking = [rule for rule in _RULES if not any(_does(each, rule) for each in there)]
    if not lacking:
        return
    replaced = {rule["ID"] for rule in lacking}
    kept = [_modern(each) for each in there if each.get("ID") not in replaced]
    rules: Any = [*kept, *lacking]
    storage.s3.put_bucket_lifecycle_configuration(
        **storage.where, LifecycleConfiguration={"Rules": rules}
    )


def lifecycle(storage: Storage) -> List[Any]:
    """Return the lifecycle rules of the bucket; raises what AWS says if it refuses."""
    rules: List[Any] = _get(storage, storage.s3.get_bucket_lifecycle_configuration).get("Rules", [])
    return rules


def _does(rule: Dict[str, Any], wanted: Dict[str, Any]) -> bool:
    """Return whether a rule is the wanted one, and expires nothing sooner."""
    days, least = (int(each.get("Expiration", {}).get("Days", 0)) for each in (rule, wanted))
    return bool(rule.get("ID") == wanted["ID"]) and days >= least


def _modern(rule: Dict[str, Any]) -> Dict[str, Any]:
    """Return a rule with a filter, since AWS rejects a mixture of those with and without."""
    kept = {name: value for name, value in rule.items() if name != "Prefix"}
    return {**kept, "Filter": rule.get("Filter", {"Prefix": rule.get("Prefix", "")})}


def _expiry(prefix: str, days: int) -> Dict[str, Any]:
    return {
        "ID": prefix.rstrip("/"),
        "Status": "Enabled",
        "Filter": {"Prefix": prefix},
        "Expiration": {"Days": days},
    }


_RULES: List[Dict[str, Any]] = [
    _expiry(PAYLOADS, PAYLOAD_DAYS),
    _expiry(LOGS, LOG_DAYS),
    {
        "ID": "unfinished-uploads",
        "Status": "Enabled",
        "Filter": {"Prefix": ""},
        "AbortIncompleteMultipartUpload": {"DaysAfterInitiation": 1},
    },
]
