"""The bucket: objects, claim checks and log objects."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, BinaryIO, Dict, Optional, Tuple, Union

from botocore.exceptions import ClientError

from ..aws.trouble import code_of
from ..errors import ConfigurationError, RequestRejected
from ..wire.envelope import PAYLOADS, Request

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.client import S3Client
    from mypy_boto3_s3.type_defs import PublicAccessBlockConfigurationTypeDef

LOGS = "logs/"
MAX_PAYLOAD = 200 * 1024 * 1024  # bytes
_MISSING = {"404", "NoSuchKey", "NoSuchBucket"}
_PRIVATE: PublicAccessBlockConfigurationTypeDef = {
    "BlockPublicAcls": True,
    "IgnorePublicAcls": True,
    "BlockPublicPolicy": True,
    "RestrictPublicBuckets": True,
}


@dataclass(frozen=True)
class Storage:
    """One bucket; `owner` is the account it has to belong to, None where that is open."""

    s3: S3Client
    bucket: str
    owner: Optional[str] = None

    def open(self) -> None:
        """Make sure the bucket is there and ours, or create it; raises ConfigurationError."""
        owner: Dict[str, Any] = {"ExpectedBucketOwner": self.owner} if self.owner else {}
        try:
            self.s3.head_bucket(Bucket=self.bucket, **owner)
        except ClientError as error:
            if code_of(error) == "403":
                raise ConfigurationError(
                    f"the bucket {self.bucket} belongs to somebody else, or the credentials may "
                    "not list it: choose another with --bucket, or allow s3:ListBucket"
                ) from error
            if code_of(error) not in _MISSING:
                raise
            self._create()

    def delete(self) -> bool:
        """Delete the bucket with all that is in it; tell whether there was one."""
        try:
            pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.bucket)
            for page in pages:
                keys: Any = [{"Key": item["Key"]} for item in page.get("Contents", ())]
                if keys:
                    self.s3.delete_objects(Bucket=self.bucket, Delete={"Objects": keys})
            self.s3.delete_bucket(Bucket=self.bucket)
        except ClientError as error:
            if code_of(error) in _MISSING:
                return False
            raise
        return True

    def _create(self) -> None:
        region = self.s3.meta.region_name
        place: Any = {"LocationConstraint": region}
        extra = {} if region == "us-east-1" else {"CreateBucketConfiguration": place}
        try:
            self.s3.create_bucket(Bucket=self.bucket, **extra)
        except ClientError as error:
            if code_of(error) != "BucketAlreadyOwnedByYou":  # another program was faster
                raise
        self.s3.put_public_access_block(
            Bucket=self.bucket,
            PublicAccessBlockConfiguration=_PRIVATE,
        )
        rules: Any = [_expiry(PAYLOADS, 7), _expiry(LOGS, 90), _UNFINISHED_UPLOADS]
        self.s3.put_bucket_lifecycle_configuration(
            Bucket=self.bucket, LifecycleConfiguration={"Rules": rules}
        )

    def put(self, key: str, body: Union[bytes, BinaryIO], content_type: str) -> str:
        """Write an object whole; give its ETag."""
        answer = self.s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=body,
            ContentType=content_type,
        )
        return answer["ETag"]

    def open_object(self, key: str, etag: Optional[str] = None) -> Tuple[StreamingBody, int]:
        """Give an object as a stream, and its bytes.

        Raises RequestRejected if it is not there, or no longer the one with that ETag.
        """
        version: Dict[str, Any] = {"IfMatch": etag} if etag else {}
        try:
            answer = self.s3.get_object(Bucket=self.bucket, Key=key, **version)
        except ClientError as error:
            if code_of(error) in _MISSING:
                raise RequestRejected(f"there is no object {key!r} in {self.bucket}") from error
            if code_of(error) == "PreconditionFailed":
                raise RequestRejected(f"{key!r} was replaced by somebody meanwhile") from error
            raise
        return answer["Body"], answer["ContentLength"]

    def get(self, key: str, limit: int, etag: Optional[str] = None) -> bytes:
        """Read an object; raises RequestRejected as `open_object`, or if over `limit` bytes."""
        stream, size = self.open_object(key, etag)
        with stream:
            if size > limit:
                raise RequestRejected(f"{key!r} has {size:,} bytes; at most {limit:,} are allowed")
            return stream.read()

    def put_log(self, key: str, text: str) -> None:
        """Write a log object under a key made by `new_log_key`."""
        self.put(key, text.encode(errors="backslashreplace"), "text/plain; charset=utf-8")

    def check_in(self, request: Request) -> Request:
        """Put the body into the bucket, and let the request carry its key instead."""
        body = request.body.encode()
        if len(body) > MAX_PAYLOAD:
            raise RequestRejected(f"{len(body)} bytes are too many; at most {MAX_PAYLOAD}")
        key = PAYLOADS + request.correlation_id
        self.put(key, body, "text/plain; charset=utf-8")
        return replace(request, body=f"The body is in the bucket: {key}", payload_key=key)

    def check_out(self, request: Request) -> Request:
        """Fetch the body of a request that carries a key instead."""
        if request.payload_key is None:
            return request
        try:
            body = self.get(request.payload_key, MAX_PAYLOAD).decode()
        except UnicodeDecodeError as error:
            raise RequestRejected(f"{request.payload_key} is not text in UTF-8") from error
        return replace(request, body=body)


def new_log_key(part: str) -> str:
    """Make up the key of a log object; it tells the time (UTC) of its making."""
    now = datetime.now(timezone.utc)
    return f"{LOGS}{part}/{now:%Y/%m/%d/%H%M%S}Z-{secrets.token_hex(4)}.txt"


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
