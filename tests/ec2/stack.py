"""Stacks of the template on a local server, and the programs run with their rights."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from typing import Any, Dict, List

import pytest

from messaging import Connection, Settings, Storage
from messaging.aws import rules
from scripts.local_aws import LocalAws
from tests.conftest import ROOT, wait_until

from .enforcer import Statement

TEMPLATE = ROOT / "scripts" / "stack.yaml"
NAMES = {"calculation": ("InputQueue", "OutputQueue"), "image": ("inbox", "outbox")}
BUCKET = "aws-project-000000000000-us-east-1"


def client(aws: LocalAws, service: str) -> Any:
    """Return a boto3 client for any of the server's services, with all rights."""
    import boto3

    session: Any = boto3.Session("test", "test", region_name="us-east-1")
    return session.client(service, endpoint_url=aws.url)


@dataclass(frozen=True)
class Stack:
    """A stack on the server.

    Attributes:
        outputs: the stack's outputs by name
        resources: physical ids by name
        rights: the policy statements of client and worker
    """

    part: str
    aws: LocalAws
    outputs: Dict[str, str]
    resources: Dict[str, str]
    rights: Dict[str, List[Statement]]


def create(aws: LocalAws, part: str, name: str = "", **names: str) -> Stack:
    """Create a part's stack, and block until it exists.

    Args:
        name: the stack's name, the part's if empty
        names: parameters besides the required ones
    """
    name = name or part
    cloudformation, ec2, iam = (client(aws, name) for name in ("cloudformation", "ec2", "iam"))
    parameters = {
        "Part": part,
        "Repository": "https://example.com/repository.git",
        "Vpc": ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
        "Subnets": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        "MakeBucket": "yes" if name == "calculation" else "no",
        **names,
    }
    cloudformation.create_stack(
        StackName=name,
        TemplateBody=TEMPLATE.read_text(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": key, "ParameterValue": value} for key, value in parameters.items()
        ],
    )

    def stack() -> Any:
        return cloudformation.describe_stacks(StackName=name)["Stacks"][0]

    wait_until(lambda: stack()["StackStatus"] != "CREATE_IN_PROGRESS")
    assert stack()["StackStatus"] == "CREATE_COMPLETE", stack()
    if name == "calculation":  # the server ignores the bucket's lifecycle rules
        rules.complete(Storage(client(aws, "s3"), BUCKET), mark=False)
    listed = cloudformation.describe_stack_resources(StackName=name)["StackResources"]
    resources = {each["LogicalResourceId"]: each["PhysicalResourceId"] for each in listed}
    policy = iam.get_policy(PolicyArn=resources["ClientPolicy"])["Policy"]
    version = iam.get_policy_version(PolicyArn=policy["Arn"], VersionId=policy["DefaultVersionId"])
    role = iam.get_role_policy(RoleName=resources["WorkerRole"], PolicyName="worker")
    rights = {
        "client": version["PolicyVersion"]["Document"]["Statement"],
        "worker": role["PolicyDocument"]["Statement"],
    }
    outputs = {each["OutputKey"]: each["OutputValue"] for each in stack()["Outputs"]}
    return Stack(part, aws, outputs, resources, rights)


def environment(stack: Stack, url: str, who: str) -> Dict[str, str]:
    """Return the variables that make a program the stack's user of that role."""
    return {
        **stack.aws.environment,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": who,
        f"{stack.part.upper()}_BUCKET": BUCKET,
        f"{stack.part.upper()}_INPUT_QUEUE": stack.outputs["InputQueue"],
        f"{stack.part.upper()}_OUTPUT_QUEUE": stack.outputs["OutputQueue"],
    }


def run(stack: Stack, url: str, *arguments: str) -> str:
    """Run the client of a part; return what it says."""
    done = subprocess.run(
        [sys.executable, "-m", f"{stack.part}.client", *arguments],
        cwd=ROOT,
        env=environment(stack, url, "client"),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def connection(stack: Stack, url: str, who: str) -> Connection:
    """Return AWS as the stack's user of that role sees it."""
    names = stack.outputs
    queues = names["InputQueue"], names["OutputQueue"]
    made = Connection(Settings(*queues, BUCKET, region=names["Region"], endpoint_url=url))
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(stack, url, who).items():
            patch.setenv(name, value)
        assert made.sqs  # which loads the credentials
    return made


def delete(stack: Stack) -> None:
    """Delete a stack of the part's name, and wait until it is gone."""
    cloudformation = client(stack.aws, "cloudformation")
    cloudformation.delete_stack(StackName=stack.part)
    gone = cloudformation.get_paginator("list_stacks").paginate(
        StackStatusFilter=["DELETE_COMPLETE"]
    )
    wait_until(lambda: any(page["StackSummaries"] for page in gone))
