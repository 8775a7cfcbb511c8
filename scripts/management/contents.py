"""Contents: the objects of a bucket under a prefix, to be counted or deleted."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, Iterator, List

from messaging import Storage
from messaging.aws.trouble import AWS_ERRORS

Objects = List[Dict[str, Any]]


@dataclass(frozen=True)
class Contents:
    """The objects under a prefix; in a versioned bucket, all their versions too."""

    storage: Storage
    prefix: str = ""

    def __str__(self) -> str:
        objects = size = 0
        for page in self._pages():
            objects += len(page)
            size += sum(each.get("Size", 0) for each in page)
        return f"{objects:,} objects, {size:,} bytes" if objects else ""

    def delete(self) -> str:
        """Delete all of them; return why any remain, or an empty string."""
        reason = ""
        for page in self._pages():
            keys: Any = [{key: each[key] for key in each if key != "Size"} for each in page]
            answer = self.storage.s3.delete_objects(
                **self.storage.where, Delete={"Objects": keys, "Quiet": True}
            )
            for error in answer.get("Errors", ()):
                reason = reason or f"{error.get('Key')}: {error.get('Message')}"
        return reason

    def _pages(self) -> Iterator[Objects]:
        versioned = self._is_versioned()
        name = "list_object_versions" if versioned else "list_objects_v2"
        call: Any = self.storage.s3.get_paginator
        pages = call(name).paginate(**self.storage.where, Prefix=self.prefix)
        wanted = ("Key", "VersionId", "Size") if versioned else ("Key", "Size")
        for page in pages:
            listed = [
                each
                for kind in ("Contents", "Versions", "DeleteMarkers")
                for each in page.get(kind, ())
            ]
            if listed:
                yield [{key: each[key] for key in wanted if key in each} for each in listed]

    def _is_versioned(self) -> bool:
        try:
            answer = self.storage.s3.get_bucket_versioning(**self.storage.where)
        except AWS_ERRORS:  # the right is missing, or the server knows no versions
            return False
        return bool(answer.get("Status"))
