"""Validates requests against botocore's own models of services."""

import functools
import json
from typing import Any, List

import botocore.session
from botocore.validate import ParamValidator


@functools.lru_cache(maxsize=None)
def input_of(action: str) -> Any:
    """Return the shape of the input of an SQS action."""
    model: Any = botocore.session.Session().get_service_model("sqs")
    return model.operation_model(action).input_shape


def complaints(action: str, body: bytes) -> List[str]:
    """Return what is wrong with a request to SQS: names, types, missing parameters, ranges."""
    report = ParamValidator().validate(json.loads(body), input_of(action))
    return [f"{action}: {report.generate_report()}"] if report.has_errors() else []
