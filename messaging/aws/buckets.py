"""Finds the bucket of the programs, creates it if it is not there yet, and completes its rules."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Optional

from botocore.exceptions import ClientError

from ..errors import ConfigurationError
from . import rules
from .trouble import AWS_ERRORS, MISSING_BUCKET, code_of, is_denied

if TYPE_CHECKING:
    from .storage import Storage

logger = logging.getLogger(__name__)

BUCKET_PREFIX = "aws-project-"  # of the default name; we set rules on buckets named so


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


def _is_finished(storage: Storage) -> Optional[bool]:
    """Return whether the creation of the bucket was completed; None if there is no bucket.

    Without permission to read the rules, assume that it was.
    """
    try:
        storage.s3.get_bucket_lifecycle_configuration(**storage.where)
    except ClientError as error:
        if code_of(error) in (rules.NO_LIFECYCLE, *MISSING_BUCKET):
            return False if code_of(error) == rules.NO_LIFECYCLE else None
        if not is_denied(error) and not rules.knows_not(error):
            raise
        return True if exists(storage) else None
    return True


def exists(storage: Storage) -> bool:
    """Return whether the bucket exists; raises ConfigurationError if it is somebody else's."""
    try:
        storage.s3.head_bucket(**storage.where)
    except ClientError as error:
        if code_of(error) == "403":
            raise ConfigurationError(
                f"the bucket {storage.bucket} belongs to somebody else, or the credentials may "
                "not look at it: choose another with --bucket, or allow "
                "s3:GetLifecycleConfiguration or s3:ListBucket"
            ) from error
        if code_of(error) not in MISSING_BUCKET:
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
        return rules.is_marked(storage)
    except AWS_ERRORS:  # a bucket that we may not inspect is not one to change
        return False
