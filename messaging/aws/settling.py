"""Settling: AWS may not know everywhere yet what was made just now."""

from __future__ import annotations

import logging
import time
from typing import Any, Dict, Optional, Set

logger = logging.getLogger(__name__)

SETTLED = 60.0  # seconds after which AWS knows everywhere what was made
AGREEING = 5.0  # seconds the same, once one of its servers has known it
LONG_AGO = float("-inf")
# Codes, without the name of a service that AWS puts before some.
DELETED_RECENTLY = "QueueDeletedRecently"
_PASSING = {DELETED_RECENTLY, "OperationAborted"}  # the latter of a bucket in the making
_MISSING = {"NonExistentQueue", "QueueDoesNotExist", "NoSuchBucket"}
_NO_TARGET = "dead letter target does not exist"  # said of a queue that shall lead to another
_LONGEST_PAUSE = 1.0  # seconds
_LONG = 5.0  # seconds after which a person is told
_NOUNS = {"sqs": "Queue", "s3": "Bucket"}
_ABOUT, _SINCE = "about", "refused_since"  # in botocore's context of a request


class Settling:
    """Has boto3 try requests again that come too early for AWS, for at most a minute.

    That is whatever is about a queue or bucket which we have just made, and making a queue that
    was deleted less than a minute ago. What others made is there, or it is not.
    """

    def __init__(self) -> None:
        self._made: Dict[str, float] = {}
        self._told: Set[str] = set()

    def watch(self, client: Any) -> None:
        """See to the requests of a client for SQS or S3."""
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
        """Take what AWS has used for made long ago, but for a moment: servers differ."""
        made = self._made.get(context[_ABOUT])
        used = http_response.status_code < 300 and not model.name.startswith("Create")
        if made is not None and used:
            self._made[context[_ABOUT]] = min(made, time.monotonic() - SETTLED + AGREEING)

    def _forget(self, context: Dict[str, Any], **_: object) -> None:
        self._made.pop(context[_ABOUT], None)

    def _pause(
        self, response: Any, attempts: int, request_dict: Dict[str, Any], **_: object
    ) -> Optional[float]:
        """Give the seconds to wait before the request is tried again, None if it shall not be."""
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
        """Give when that began for which the error may be due; long ago where it is not."""
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
