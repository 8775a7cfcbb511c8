"""Botocore's own models of services, against which requests are held."""

import functools
import json
from typing import Any, List

import botocore.session
from botocore.validate import ParamValidator


@functools.lru_cache(maxsize=None)
def input_of(action: str) -> Any:
    """Give the shape of what an action of SQS takes."""
    model: Any = botocore.session.Session().get_service_model("sqs")
    return model.operation_model(action).input_shape


def complaints(action: str, body: bytes) -> List[str]:
    """Tell what is wrong with a request to SQS: names, types, what is missing, ranges."""
    report = ParamValidator().validate(json.loads(body), input_of(action))
    return [f"{action}: {report.generate_report()}"] if report.has_errors() else []
