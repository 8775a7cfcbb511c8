"""Finds the bucket of the programs, makes it where it is not there yet, and finishes it."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any, Optional

from botocore.exceptions import ClientError

from ..errors import ConfigurationError
from . import rules
from .trouble import AWS_ERRORS, MISSING_BUCKET, code_of, is_denied

if TYPE_CHECKING:
    from .bucket import Storage

logger = logging.getLogger(__name__)

BUCKET_PREFIX = "aws-project-"  # of the default name, which nobody else has reason to give


def open_bucket(storage: Storage) -> None:
    """Make sure the bucket is there and ours, or create it; raises ConfigurationError.

    One of ours whose making broke off is finished, as far as our rights go.
    """
    finished = _is_finished(storage)
    if finished is None:
        _create_bucket(storage)
        rules.complete(storage, mark=True)
    elif not finished and _is_ours(storage):
        rules.complete(storage, mark=True)


def complete_bucket(storage: Storage) -> None:
    """Open the bucket, and see to all that one of ours has, whatever seems to be there."""
    open_bucket(storage)
    if _is_ours(storage):
        rules.complete(storage, mark=False)
    else:
        logger.warning(
            "The bucket %s was not made by these programs, so its rules are left as they are.",
            storage.bucket,
        )


def made_by_us(storage: Storage) -> bool:
    """Tell whether the bucket is there and bears the tag of those that the programs made."""
    try:
        return rules.is_marked(storage)
    except ClientError as error:
        if code_of(error) in MISSING_BUCKET:
            return False
        raise


def _is_finished(storage: Storage) -> Optional[bool]:
    """Look at the bucket; tell whether its making came to an end, None if there is no bucket.

    Whoever may not look at the rules takes them for right.
    """
    try:
        storage.s3.get_bucket_lifecycle_configuration(Bucket=storage.bucket, **storage.owned)
    except ClientError as error:
        if code_of(error) in (rules.NO_LIFECYCLE, *MISSING_BUCKET):
            return False if code_of(error) == rules.NO_LIFECYCLE else None
        if not is_denied(error) and not rules.knows_not(error):
            raise
        return True if _is_there(storage) else None
    return True


def _is_there(storage: Storage) -> bool:
    try:
        storage.s3.head_bucket(Bucket=storage.bucket, **storage.owned)
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
    """Tell whether the bucket is one that the programs make: by its name, or by its tag."""
    return storage.bucket.startswith(BUCKET_PREFIX) or _may_be_marked(storage)


def _may_be_marked(storage: Storage) -> bool:
    try:
        return made_by_us(storage)
    except AWS_ERRORS:  # a bucket that we cannot look into is none to change
        return False
