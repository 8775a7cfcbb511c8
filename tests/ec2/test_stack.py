"""The template: it creates what the programs create and use."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, Dict, List

import pytest

from messaging.aws import rules
from messaging.aws.buckets import open_bucket
from messaging.aws.queues import DEAD_LETTER_RETENTION, open_queue
from messaging.wire.envelope import PAYLOADS
from scripts.management import dead
from tests.conftest import ROOT, Place

from .stack import BUCKET, NAMES, TEMPLATE, Stack, client

pytestmark = pytest.mark.xdist_group("stacks")  # which take seconds to make
DAY = 24 * 3600
SQS_RETENTION = 4 * DAY  # where nobody says otherwise, as for the input queue


def test_cfn_lint_is_content() -> None:
    """cfn-lint has no complaint about the template."""
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), str(TEMPLATE)], stdout=subprocess.PIPE
    )

    assert checked.returncode == 0, checked.stdout.decode()


@pytest.mark.parametrize("part", NAMES)
def test_queues_are_those_that_the_programs_make(
    stacks: Dict[str, Stack], part: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each queue has the attributes and the dead-letter queue that messaging would give it."""
    monkeypatch.setattr("messaging.aws.rules.over_tls", lambda client: True)  # as with AWS
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
    """Return a queue's attributes, without its name, what changes, and AWS's own encryption."""
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
    found.pop("SqsManagedSseEnabled", None)  # always on at AWS
    name = url.rsplit("/", 1)[1]
    if "Policy" in found:
        found["Policy"] = json.dumps(json.loads(found["Policy"]), sort_keys=True)
    return {
        key: value.replace(name, "NAME").replace(" ", "")
        for key, value in found.items()
        if not key.startswith("Approximate") and "Timestamp" not in key
    }


def test_the_bucket_is_as_the_programs_make_it(place: Place) -> None:
    """The bucket is private, and its objects expire when messaging.aws.storage says."""
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
    arn = f"arn:aws:s3:::{storage.bucket}"
    ours = rules.tls_only("s3:*", arn, f"{arn}/*")
    policy = load(str(TEMPLATE))["Resources"]["BucketPolicy"]["Properties"]["PolicyDocument"]
    (theirs,) = policy["Statement"]
    assert {**theirs, "Resource": len(theirs["Resource"])} == {**ours, "Resource": 2}
    assert "BucketEncryption" in properties


def test_a_long_body_outlives_its_request() -> None:
    """Its days in the bucket, and in the log of why it died, are those of a message that is dead,
    redriven, not fetched, and dead again."""
    made = resources()
    lives = [
        int(made[name]["Properties"].get("MessageRetentionPeriod", SQS_RETENTION))
        for name in ("DeadLetterQueue", "InputQueue", "DeadLetterQueue")
    ]
    rule = made["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"][0]

    assert lives == [DEAD_LETTER_RETENTION, SQS_RETENTION, DEAD_LETTER_RETENTION]
    for days in (rules.PAYLOAD_DAYS, rules.LOG_DAYS, rule["ExpirationInDays"]):
        assert sum(lives) < days * DAY
    assert rule["Prefix"] == PAYLOADS
    assert dead.DAYS * DAY > DEAD_LETTER_RETENTION


def rule_of_s3(rule: Dict[str, Any]) -> List[Any]:
    """Return a lifecycle rule's id, prefix, days, and days of an unfinished upload."""
    days = rule.get("Expiration", {}).get("Days")
    unfinished = rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
    return [rule["ID"], rule["Filter"].get("Prefix", ""), rule["Status"], days, unfinished]


def rule_of_template(rule: Dict[str, Any]) -> List[Any]:
    """Return the same of a rule as CloudFormation writes it."""
    unfinished = rule.get("AbortIncompleteMultipartUpload", {}).get("DaysAfterInitiation")
    days = rule.get("ExpirationInDays")
    return [rule["Id"], rule.get("Prefix", ""), rule["Status"], days, unfinished]


@pytest.mark.parametrize("part", NAMES)
def test_the_options_that_the_outputs_give(stacks: Dict[str, Stack], part: str) -> None:
    """The outputs are the values for --input-queue, --output-queue, --bucket and --region."""
    outputs = stacks[part].outputs

    queues = [outputs["InputQueue"], outputs["OutputQueue"]]
    assert [*queues, outputs["BucketName"], outputs["Region"]] == [
        *NAMES[part],
        BUCKET,
        "us-east-1",
    ]


@pytest.mark.parametrize("part", NAMES)
def test_an_instance_sets_itself_up(stacks: Dict[str, Stack], part: str, tmp_path: Path) -> None:
    """The launch template requires IMDSv2, opens no port, and calls the script correctly."""
    stack = stacks[part]
    ec2 = client(stack.aws, "ec2")
    made = ec2.describe_launch_template_versions(LaunchTemplateId=stack.resources["LaunchTemplate"])
    data = made["LaunchTemplateVersions"][0]["LaunchTemplateData"]
    commands = base64.b64decode(data["UserData"]).decode()
    group = ec2.describe_security_groups(GroupIds=[stack.resources["SecurityGroup"]])

    assert data["MetadataOptions"]["HttpTokens"] == "required"
    assert data["BlockDeviceMappings"][0]["Ebs"]["Encrypted"] in (True, "true")
    syntax = subprocess.run(["bash", "-n"], input=commands, capture_output=True, text=True)
    assert (syntax.returncode, syntax.stderr) == (0, "")
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


def resources() -> Dict[str, Any]:
    """Return the template's resources."""
    from cfnlint.decode.cfn_yaml import load

    return dict(load(str(TEMPLATE))["Resources"])


def user_data() -> str:
    """Return the instances' start script, without parameter values."""
    data = resources()["LaunchTemplate"]["Properties"]["LaunchTemplateData"]
    return str(data["UserData"]["Fn::Base64"]["Fn::Sub"][0])


INSTANCE = {
    "bash": """case $* in
/root/setup.sh) echo setup >>steps; [ $(grep -c setup steps) -gt $FAILURES ] ;;
*) exec /bin/bash "$@" ;;
esac""",
    "sleep": "echo sleep $1 >>steps",
    "poweroff": "echo poweroff >>steps; kill $PPID",
    "python": "echo signal $2 >>steps",
}


@pytest.mark.parametrize(
    ("failures", "patience", "steps"),
    [
        (0, 1800, ["setup", "signal i-1"]),
        (2, 1800, ["setup", "sleep 60", "setup", "sleep 60", "setup", "signal i-1"]),
        (9, 0, ["setup", "poweroff"]),
    ],
)
def test_an_instance_tries_again(
    failures: int, patience: int, steps: List[str], tmp_path: Path
) -> None:
    """A set-up instance signals success; else it retries, and is replaced in half an hour."""
    for name, text in INSTANCE.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{text}\n")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "instance-id").write_text("i-1")
    script = user_data().replace(">/root/", f">{tmp_path}/")
    script = script.replace("/opt/${Part}-worker/current/venv/bin/", "")
    script = script.replace("/var/lib/cloud/data/", "").replace("1800", str(patience))

    subprocess.run(
        ["/bin/bash", "-c", script],
        cwd=tmp_path,
        env={"PATH": f"{tmp_path}:/usr/bin:/bin", "FAILURES": str(failures)},
        stdout=subprocess.PIPE,
        timeout=60,
    )

    assert (tmp_path / "steps").read_text().splitlines() == steps


def test_a_long_list_outlives_its_request() -> None:
    """A list is still there when its request waits, dies, is redriven, and dies once more."""
    made = resources()
    dead = int(made["DeadLetterQueue"]["Properties"]["MessageRetentionPeriod"])
    waiting = int(made["InputQueue"]["Properties"].get("MessageRetentionPeriod", 4 * 24 * 3600))
    lifecycle = made["Bucket"]["Properties"]["LifecycleConfiguration"]["Rules"]
    (days,) = [rule["ExpirationInDays"] for rule in lifecycle if rule["Id"] == "payloads"]

    assert days * 24 * 3600 > waiting + 2 * dead


def test_a_deployment_waits_for_its_workers() -> None:
    """Creating and updating the fleet wait for signals, longer than a setup takes, or roll back."""
    fleet = resources()["Fleet"]
    update = fleet["UpdatePolicy"]["AutoScalingRollingUpdate"]

    assert fleet["CreationPolicy"]["ResourceSignal"]["Timeout"] == update["PauseTime"] == "PT20M"
    assert update["WaitOnResourceSignals"] is True
    assert "AlarmNotification" in update["SuspendProcesses"]
    assert 'LogicalResourceId="Fleet"' in user_data()


def test_the_device_is_known_for_each_system() -> None:
    """Every selectable system has an image and a root device."""
    from cfnlint.decode.cfn_yaml import load

    template = load(str(TEMPLATE))
    systems = set(template["Parameters"]["System"]["AllowedValues"])

    assert set(template["Mappings"]["Devices"]) == systems
    assert all(set(each) == systems for each in template["Mappings"]["Images"].values())


@pytest.mark.parametrize("hidden", [0, 1, 100_000])
def test_what_hides_does_not_hold_the_fleet_up(hidden: int) -> None:
    """Failed requests in flight do not keep an idle fleet from shrinking."""
    metrics = resources()["ScalingPolicy"]["Properties"]["TargetTrackingConfiguration"]
    metrics = metrics["CustomizedMetricSpecification"]["Metrics"]
    said = {each["Id"]: each["Expression"]["Fn::Sub"] for each in metrics if "Expression" in each}
    for name, value in (("${WorkersPerInstance}", "2"), ("${JobSeconds}", "0.002")):
        said = {key: text.replace(name, value) for key, text in said.items()}
    values: Dict[str, Any] = {"visible": 0, "running": hidden, "instances": 3}
    values["IF"] = lambda condition, yes, no: yes if condition else no
    values["busy"] = eval(said["busy"], {}, values)

    assert eval(said["delay"], {}, values) <= 2 * 0.002
