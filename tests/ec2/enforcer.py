"""A fault of the gateway that denies what policies do not allow, as IAM and SQS would."""

from __future__ import annotations

import fnmatch
import json
from typing import Any, Dict, List, Mapping, Optional, Set, Tuple
from urllib.parse import parse_qs, unquote, urlsplit

from tests.gateway import Answer, Call, error, service_of

Statement = Mapping[str, Any]
# Actions, and the rights that they need, where the names differ.
S3_RIGHTS = {"HeadBucket": "ListBucket", "GetBucket": "ListBucket", "HeadObject": "GetObject"}
Context = Mapping[str, str]  # the request's values, which conditions look at


class Enforcer:
    """Decides what the holder of each access key may do, by their rights and by queue policies.

    Attributes:
        statements: by access key id, what its holder is allowed and denied
        policies: by queue name, the statements of its own policy
        used: by access key id, the pairs of right and resource that were asked for and granted
        denied: the same for those refused
        owner: the account that all buckets belong to
    """

    def __init__(self, statements: Mapping[str, List[Statement]]) -> None:
        self.statements = statements
        self.policies: Dict[str, List[Statement]] = {}
        self.used: Dict[str, Set[Tuple[str, str]]] = {key: set() for key in statements}
        self.denied: Dict[str, Set[Tuple[str, str]]] = {key: set() for key in statements}
        self.owner = "000000000000"

    def __call__(self, call: Call) -> Optional[Answer]:
        if service_of(call.action) == "sts":  # needs no right
            identity = f"<GetCallerIdentityResult><UserId>{user_id(call.key)}</UserId>"
            text = f"<Answer>{identity}</GetCallerIdentityResult></Answer>"
            return 200, {"Content-Type": "text/xml"}, text.encode()
        right, resource = asked(call)
        prefix = parse_qs(urlsplit(call.path).query).get("prefix")
        context = {"s3:prefix": prefix[0]} if prefix else {}
        if not self._allows(call.key, right, resource, context):
            return error(call.action, 403, "AccessDenied")
        if right == "s3:GetObject":
            return self._look(call, resource)
        if call.action == "CreateQueue":
            policy = json.loads(call.body).get("Attributes", {}).get("Policy", '{"Statement": []}')
            self.policies.setdefault(resource, json.loads(policy)["Statement"])
        return None

    def _look(self, call: Call, resource: str) -> Answer:
        """Report an object as missing only to those who may list the bucket, as S3 does."""
        answer = call.carry_out(call.body)
        if answer[0] != 404 or self._allows(call.key, "s3:ListBucket", resource.split("/")[0], {}):
            return answer
        return error(call.action, 403, "AccessDenied")

    def _allows(self, key: str, right: str, resource: str, context: Context) -> bool:
        """Decide as AWS does: an explicit denial wins, and nothing is allowed by default."""
        statements = [*self.statements[key], *self.policies.get(resource, ())]
        known = {**context, "aws:userid": user_id(key), "aws:ResourceAccount": self.owner}
        said = {each["Effect"] for each in statements if applies(each, known, right, resource)}
        allowed = said == {"Allow"}
        (self.used if allowed else self.denied)[key].add((right, resource))
        return allowed


def user_id(key: str) -> str:
    """Return the user id of an access key's holder."""
    return f"AIDA{key.upper()}"


def asked(call: Call) -> Tuple[str, str]:
    """Return the right that a request needs, and the resource it applies to."""
    action = call.action
    if service_of(action) == "s3":
        name = unquote(urlsplit(call.path).path).strip("/")
        return f"s3:{S3_RIGHTS.get(action, action)}", f"arn:aws:s3:::{name}"
    fields = json.loads(call.body)
    name = fields.get("QueueName") or fields.get("QueueUrl", "*").rsplit("/", 1)[-1]
    right = action[: -len("Batch")] if action.endswith("Batch") else action
    return f"sqs:{right}", f"arn:aws:sqs:us-east-1:000000000000:{name}"


def applies(statement: Statement, context: Context, right: str, resource: str) -> bool:
    """Return whether a statement covers this user, right and resource."""
    spelt = [
        each.replace("${aws:userid}", context["aws:userid"])
        for each in as_list(statement["Resource"])
    ]
    return (
        all(
            holds(operator, context.get(name), as_list(values))
            for operator, asked in statement.get("Condition", {}).items()
            for name, values in asked.items()
        )
        and any(fnmatch.fnmatchcase(right, each) for each in as_list(statement["Action"]))
        and any(fnmatch.fnmatchcase(resource, each) for each in spelt)
    )


def holds(operator: str, value: Optional[str], values: List[str]) -> bool:
    """Return whether a condition holds; for what a request lacks, only negated ones do."""
    is_negated = "Not" in operator
    if value is None:
        return is_negated or operator.endswith("IfExists")
    return any(fnmatch.fnmatchcase(value, each) for each in values) != is_negated


def as_list(value: Any) -> List[str]:
    """Return a list, also where the policy has a single value."""
    return [value] if isinstance(value, str) else list(value)
