"""Settling: retries while AWS does not know everywhere yet what was just created."""

from __future__ import annotations

import logging
import time
from typing import Any, Dict, Optional, Set

logger = logging.getLogger(__name__)

SETTLED = 60.0  # seconds; AWS's own limit until a queue or bucket is known everywhere
AGREEING = 5.0  # seconds; the same, once one of AWS's servers has known it
LONG_AGO = float("-inf")
# Error codes, without the name of a service that AWS puts before some.
DELETED_RECENTLY = "QueueDeletedRecently"
_PASSING = {DELETED_RECENTLY, "OperationAborted"}  # the latter of a bucket being created
_MISSING = {"NonExistentQueue", "QueueDoesNotExist", "NoSuchBucket"}
_NO_TARGET = "dead letter target does not exist"  # said of a queue that is to redrive to another
_LONGEST_PAUSE = 1.0  # seconds
_LONG = 5.0  # seconds of retries before a person is told
_NOUNS = {"sqs": "Queue", "s3": "Bucket"}
_ABOUT, _SINCE = "about", "refused_since"  # in botocore's context of a request


class Settling:
    """Makes boto3 retry requests that come too early for AWS, for at most a minute.

    These are requests about a queue or bucket that we have just created, and the creation of a
    queue deleted less than a minute ago. For what others created, missing means missing.
    """

    def __init__(self) -> None:
        self._made: Dict[str, float] = {}
        self._told: Set[str] = set()

    def watch(self, client: Any) -> None:
        """Hook into the requests of a client for SQS or S3."""
        service = client.meta.service_model.service_name
        if service in _NOUNS:
            noun, events = _NOUNS[service], client.meta.events
            events.register(f"before-parameter-build.{service}", self._note)
            events.register(f"after-call.{service}.Create{noun}", self._remember)
            events.register(f"after-call.{service}", self._see)
            events.register(f"before-call.{service}.Delete{noun}", self._forget)
            events.register(f"needs-retry.{service}", self._pause)

    def _note(self, params: Dict[str, Any], context: Dict[str, Any], **_: object) -> None:
        name = params.get("Bucket") or params.get("QueueName") or params.get("QueueUrl", "")
        context[_ABOUT] = name.rsplit("/", 1)[-1]

    def _remember(self, http_response: Any, context: Dict[str, Any], **_: object) -> None:
        if http_response.status_code < 300:
            self._made[context[_ABOUT]] = time.monotonic()

    def _see(self, model: Any, http_response: Any, context: Dict[str, Any], **_: object) -> None:
        """Once AWS has used it, wait only AGREEING seconds more: other servers may lag behind."""
        made = self._made.get(context[_ABOUT])
        used = http_response.status_code < 300 and not model.name.startswith("Create")
        if made is not None and used:
            self._made[context[_ABOUT]] = min(made, time.monotonic() - SETTLED + AGREEING)

    def _forget(self, context: Dict[str, Any], **_: object) -> None:
        self._made.pop(context[_ABOUT], None)

    def _pause(
        self, response: Any, attempts: int, request_dict: Dict[str, Any], **_: object
    ) -> Optional[float]:
        """Return the seconds to wait before a retry, None not to retry."""
        error = response[1].get("Error", {}) if response else {}
        if not error:
            return None
        context, now = request_dict["context"], time.monotonic()
        code = str(error.get("Code", "")).rpartition(".")[2]
        since = self._since(code, str(error.get("Message", "")), context, now)
        if now - since >= SETTLED + 2 * _LONGEST_PAUSE:  # so that AWS's own minute is over
            return None
        if code == DELETED_RECENTLY or now - since > _LONG:
            self._tell(context[_ABOUT], code)
        return min(_LONGEST_PAUSE, 0.05 * 2.0 ** min(attempts, 10))

    def _since(self, code: str, message: str, context: Dict[str, Any], now: float) -> float:
        """Return when the cause that would explain the error began; LONG_AGO if none would."""
        if code in _PASSING:
            since: float = context.setdefault(_SINCE, now)
            return since
        if code in _MISSING:
            return self._made.get(context[_ABOUT], LONG_AGO)
        if _NO_TARGET in message.lower():
            return max(self._made.values(), default=LONG_AGO)
        return LONG_AGO

    def _tell(self, name: str, code: str) -> None:
        if name in self._told:
            return
        self._told.add(name)
        reason = "was made just now, and AWS does not know it everywhere yet"
        if code == DELETED_RECENTLY:
            reason = "was deleted less than 60 s ago, and AWS makes it anew only after that"
        logger.warning("%s %s: waiting up to %d s.", name, reason, SETTLED)
