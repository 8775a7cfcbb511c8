"""The template: what it makes is what the programs make and use."""

from __future__ import annotations

import base64
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from messaging.aws.making import open_bucket, open_queue
from tests.conftest import ROOT, Place

from .stack import BUCKET, NAMES, TEMPLATE, Stack, client


def test_cfn_lint_is_content() -> None:
    """cfn-lint finds nothing to say about the template."""
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), str(TEMPLATE)], stdout=subprocess.PIPE
    )

    assert checked.returncode == 0, checked.stdout.decode()


@pytest.mark.parametrize("part", NAMES)
def test_queues_are_those_that_the_programs_make(
    stacks: Dict[str, Stack], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each queue has the attributes, and its dead-letter queue, that messaging gives it."""
    monkeypatch.setattr("messaging.aws.rules.over_tls", lambda client: True)  # as AWS is reached
    stack = stacks[part]
    sqs = client(stack.aws, "sqs")
    ours = open_queue(sqs, f"{part}-made-in", dead_letter=True)
    theirs = open_queue(sqs, NAMES[part][0])
    pairs = [
        (theirs, ours),
        (theirs.sibling(f"{theirs.name}-dead-letter"), ours.sibling(f"{ours.name}-dead-letter")),
        (open_queue(sqs, NAMES[part][1]), open_queue(sqs, f"{part}-made-out")),
    ]

    for theirs, ours in pairs:
        assert attributes(sqs, theirs.url) == attributes(sqs, ours.url), theirs.name


def attributes(sqs: Any, url: str) -> Dict[str, str]:
    """Give the attributes of a queue, without its name, what changes, and AWS's own encryption."""
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    found.pop("SqsManagedSseEnabled", None)  # on everywhere at AWS
    name = url.rsplit("/", 1)[1]
    return {
        key: value.replace(name, "NAME").replace(" ", "")
        for key, value in found.items()
        if not key.startswith("Approximate") and "Timestamp" not in key
    }


def test_the_bucket_is_as_the_programs_make_it(place: Place) -> None:
    """The bucket is private, and its objects live as long as messaging.aws.bucket says."""
    from cfnlint.decode.cfn_yaml import load

    storage = place.connection.storage("")
    open_bucket(storage)
    bucket = {"Bucket": storage.bucket}
    ours = place.s3.get_bucket_lifecycle_configuration(**bucket)["Rules"]
    private = place.s3.get_public_access_block(**bucket)["PublicAccessBlockConfiguration"]

    properties = load(str(TEMPLATE))["Resources"]["Bucket"]["Properties"]
    theirs = properties["LifecycleConfiguration"]["Rules"]
    assert [rule_of_template(rule) for rule in theirs] == [rule_of_s3(rule) for rule in ours]
    assert properties["PublicAccessBlockConfiguration"] == private
    assert "BucketEncryption" in properties


def rule_of_s3(rule: Dict[str, Any]) -> List[Any]:
    """Give id, prefix, days and days of an unfinished upload."""
    days = rule.get("Expiration", {}).get("Days")
    unfinished = rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
    return [rule["ID"], rule["Filter"].get("Prefix", ""), rule["Status"], days, unfinished]


def rule_of_template(rule: Dict[str, Any]) -> List[Any]:
    """Give the same of a rule as CloudFormation writes it."""
    unfinished = rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
    days = rule.get("ExpirationInDays")
    return [rule["Id"], rule.get("Prefix", ""), rule["Status"], days, unfinished]


@pytest.mark.parametrize("part", NAMES)
def test_the_options_that_the_outputs_give(stacks: Dict[str, Stack], part: str) -> None:
    """The outputs name what --input-queue, --output-queue, --bucket and --region take."""
    outputs = stacks[part].outputs

    queues = [outputs["InputQueue"], outputs["OutputQueue"]]
    assert [*queues, outputs["BucketName"], outputs["Region"]] == [
        *NAMES[part],
        BUCKET,
        "us-east-1",
    ]


@pytest.mark.parametrize("part", NAMES)
def test_an_instance_sets_itself_up(stacks: Dict[str, Stack], part: str, tmp_path: Path) -> None:
    """The launch template wants IMDSv2, opens no port, and calls the script as it is."""
    stack = stacks[part]
    ec2 = client(stack.aws, "ec2")
    made = ec2.describe_launch_template_versions(LaunchTemplateId=stack.resources["LaunchTemplate"])
    data = made["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    commands = base64.b64decode(data["UserData"]).decode()
    group = ec2.describe_security_groups(GroupIds=[stack.resources["SecurityGroup"]])

    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert group["SecurityGroups"][0]["IpPermissions"] == []
    assert "curl" not in commands
    setup = commands.split("bash /root/checkout/", 1)[1].replace("\\\n", " ").split("\n")[0]
    (tmp_path / "os-release").write_text("ID=amzn\nVERSION_ID=2023\n")
    shown = subprocess.run(
        ["bash", "-c", f"bash {ROOT}/{setup} --dry-run"],
        env={"PATH": "/usr/bin:/bin", "OS_RELEASE": str(tmp_path / "os-release")},
        capture_output=True,
        text=True,
    )
    assert shown.returncode == 0, shown.stderr
