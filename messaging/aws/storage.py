"""Storage: the bucket, with its objects, claim checks and log objects."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, replace
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, BinaryIO, Dict, Optional, Tuple, Union

from botocore.exceptions import ClientError

from ..errors import RequestRejected
from ..wire.envelope import LOGS, PAYLOADS, Request
from .buckets import open_bucket
from .trouble import MISSING_BUCKET, code_of, said

if TYPE_CHECKING:
    from botocore.response import StreamingBody
    from mypy_boto3_s3.client import S3Client

MAX_PAYLOAD = 200 * 1024 * 1024  # bytes; part of the wire format: a worker holds it in memory
TEXT = "text/plain; charset=utf-8"
_DAMAGED = {"BadDigest", "EntityTooLarge"}


@dataclass(frozen=True)
class Storage:
    """One bucket; `owner` is the account it has to belong to, None for any."""

    s3: S3Client
    bucket: str
    owner: Optional[str] = None

    @property
    def where(self) -> Dict[str, Any]:
        """The arguments that name the bucket, and make S3 refuse if another account owns it."""
        owner = {"ExpectedBucketOwner": self.owner} if self.owner else {}
        return {"Bucket": self.bucket, **owner}

    def open(self) -> None:
        """Find the bucket or create it; raises ConfigurationError if it is somebody else's."""
        open_bucket(self)

    def put(self, key: str, body: Union[bytes, BinaryIO], content_type: str) -> str:
        """Write an object, whole or not at all; return its ETag.

        Raises RequestRejected if a file changed on the way, or is larger than S3 accepts.
        """
        what: Any = {"Key": key, "Body": body, "ContentType": content_type}
        try:
            return self.s3.put_object(**self.where, **what)["ETag"]
        except ClientError as error:
            # What is in memory does not change meanwhile: another attempt may succeed.
            if code_of(error) not in _DAMAGED or isinstance(body, bytes):
                raise
            reason = f"{said(error, 'Message').rstrip('.')} ({code_of(error)})"
            raise RequestRejected(f"S3 did not accept {key!r}: {reason}") from error

    def open_object(self, key: str, etag: Optional[str] = None) -> Tuple[StreamingBody, int]:
        """Return an object as a stream, and its size in bytes.

        Raises RequestRejected if it does not exist, or has another ETag by now.
        """
        version: Any = {"IfMatch": etag} if etag else {}
        try:
            answer = self.s3.get_object(**self.where, Key=key, **version)
        except ClientError as error:
            if code_of(error) in MISSING_BUCKET:
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
        self.put(key, text.encode(errors="backslashreplace"), TEXT)

    def check_in(self, request: Request, folder: str) -> Request:
        """Put the body into the bucket; return the request with the key in its place.

        The key is random, in the caller's own folder: nobody else can choose it, or guess it.
        """
        body = request.body.encode()
        if len(body) > MAX_PAYLOAD:
            raise RequestRejected(f"{len(body)} bytes are too many; at most {MAX_PAYLOAD}")
        key = f"{PAYLOADS}{folder}/{uuid.uuid4().hex}"
        etag = self.put(key, body, TEXT)
        remark = f"The body is in the bucket: {key}"
        return replace(request, body=remark, payload_key=key, payload_etag=etag)

    def check_out(self, request: Request) -> Request:
        """Return the request with its body fetched from the bucket, if it carries a key."""
        if request.payload_key is None:
            return request
        try:
            body = self.get(request.payload_key, MAX_PAYLOAD, request.payload_etag).decode()
        except UnicodeDecodeError as error:
            raise RequestRejected(f"{request.payload_key} is not text in UTF-8") from error
        return replace(request, body=body)


def new_log_key(part: str) -> str:
    """Generate the key of a log object, with the time (UTC) of its creation."""
    now = datetime.now(timezone.utc)
    return f"{LOGS}{part}/{now:%Y/%m/%d/%H%M%S}Z-{secrets.token_hex(4)}.txt"
