"""Faults that a gateway injects: what a network and AWS may do to requests."""

from __future__ import annotations

import json
import time
from typing import Optional

from tests.gateway import Answer, Call, ConnectionCut, ConnectionReset, Fault, error


def cut(call: Call) -> Optional[Answer]:
    """Close the connection before the request is carried out."""
    raise ConnectionCut


def reset(call: Call) -> Optional[Answer]:
    """Reset the connection before the request is carried out."""
    raise ConnectionReset


def delay(call: Call) -> Optional[Answer]:
    """Delay the request by half a second, as a slow network does."""
    time.sleep(0.5)
    return None


def drop_answer(call: Call) -> Optional[Answer]:
    """Carry the request out, and close the connection instead of answering."""
    call.carry_out(call.body)
    raise ConnectionCut


def fail_an_entry(call: Call) -> Optional[Answer]:
    """Carry out all entries of a batch but the first, and report an AWS error for that one.

    A batch of one entry is carried out.
    """
    first, *rest = call.entries
    if not rest:
        return None
    answer = call.carry_out_in_part(rest)
    failed = {"Id": first["Id"], "SenderFault": False, "Code": "InternalError"}
    answer["Failed"] = [*answer.get("Failed", []), failed]
    answer.setdefault("Successful", [])
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer).encode()


def deliver_twice(call: Call) -> Optional[Answer]:
    """Deliver each message of a receive twice in one answer."""
    status, headers, content = call.carry_out(call.body)
    answer = json.loads(content)
    if status != 200 or not answer.get("Messages"):
        return status, headers, content
    answer["Messages"] = [message for message in answer["Messages"] for _ in range(2)]
    return status, headers, json.dumps(answer).encode()


def every_third(fault: Fault) -> Fault:
    """Apply a fault to one request in three."""
    asked = [0]

    def sometimes(call: Call) -> Optional[Answer]:
        asked[0] += 1
        return fault(call) if asked[0] % 3 == 0 else None

    return sometimes


def once(fault: Fault) -> Fault:
    """Apply a fault to the first request that it matches, and to no other."""
    left = [fault]

    def first(call: Call) -> Optional[Answer]:
        answer = fault(call) if left else None
        if answer:
            left.clear()
        return answer

    return first


def expired(call: Call) -> Answer:
    """Answer as AWS does when a session token has expired."""
    return error(call.action, 403, "ExpiredToken")


def throttled(call: Call) -> Answer:
    """Answer as AWS does when it throttles."""
    code = "SlowDown" if call.action.endswith("Object") else "RequestThrottled"
    return error(call.action, 503 if code == "SlowDown" else 400, code)


def on(action: str, fault: Fault) -> Fault:
    """Apply a fault only to actions whose names end with `action`."""
    return lambda call: fault(call) if call.action.endswith(action) else None
