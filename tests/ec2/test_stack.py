"""The template: what it makes is what the programs make, use and need."""

from __future__ import annotations

import base64
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set

import pytest
from botocore.exceptions import ClientError

from messaging import Connection, Settings
from messaging.queues import open_queue
from scripts.local_aws import LocalAws
from tests.conftest import ROOT, Place, Running, wait_until

from .enforcer import Enforcer, Statement, as_list

TEMPLATE = ROOT / "scripts" / "stack.yaml"
NAMES = {"calculation": ("InputQueue", "OutputQueue"), "image": ("inbox", "outbox")}
BUCKET = "aws-project-000000000000-us-east-1"
# Used only for a job that outlasts half its visibility timeout, and for replies by tens.
RARE = {"calculation": {"sqs:ChangeMessageVisibility"}}
RARE["image"] = {*RARE["calculation"], "sqs:DeleteMessage"}


def client(aws: LocalAws, service: str) -> Any:
    """Make a boto3 client for any service of the server, with rights to everything."""
    import boto3

    session: Any = boto3.Session("test", "test", region_name="us-east-1")
    return session.client(service, endpoint_url=aws.url)


@dataclass(frozen=True)
class Stack:
    """A stack on the server.

    Attributes:
        outputs: by name
        resources: physical ids by name
        rights: the statements of client and worker
    """

    part: str
    aws: LocalAws
    outputs: Dict[str, str]
    resources: Dict[str, str]
    rights: Dict[str, List[Statement]]


def create(aws: LocalAws, part: str) -> Stack:
    """Create the stack of a part, and wait until it is there."""
    cloudformation, ec2, iam = (client(aws, name) for name in ("cloudformation", "ec2", "iam"))
    parameters = {
        "Part": part,
        "Repository": "https://example.com/repository.git",
        "Vpc": ec2.describe_vpcs()["Vpcs"][0]["VpcId"],
        "Subnets": ec2.describe_subnets()["Subnets"][0]["SubnetId"],
        "MakeBucket": "yes" if part == "calculation" else "no",
    }
    cloudformation.create_stack(
        StackName=part,
        TemplateBody=TEMPLATE.read_text(),
        Capabilities=["CAPABILITY_IAM"],
        Parameters=[
            {"ParameterKey": name, "ParameterValue": value} for name, value in parameters.items()
        ],
    )

    def stack() -> Any:
        return cloudformation.describe_stacks(StackName=part)["Stacks"][0]

    wait_until(lambda: stack()["StackStatus"] != "CREATE_IN_PROGRESS")
    assert stack()["StackStatus"] == "CREATE_COMPLETE", stack()
    listed = cloudformation.describe_stack_resources(StackName=part)["StackResources"]
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


@pytest.fixture(scope="module")
def stacks() -> Iterator[Dict[str, Stack]]:
    """Both stacks on a server of their own, since their names are fixed."""
    with LocalAws() as aws:
        if aws.kind != "ministack":
            pytest.skip("moto's server makes only some of the stack")
        yield {part: create(aws, part) for part in NAMES}


def test_cfn_lint_is_content() -> None:
    """cfn-lint finds nothing to say about the template."""
    checked = subprocess.run(
        [str(Path(sys.executable).with_name("cfn-lint")), str(TEMPLATE)], stdout=subprocess.PIPE
    )

    assert checked.returncode == 0, checked.stdout.decode()


@pytest.mark.parametrize("part", NAMES)
def test_queues_are_those_that_the_programs_make(stacks: Dict[str, Stack], part: str) -> None:
    """Each queue has the attributes, and its dead-letter queue, that messaging gives it."""
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
    """The bucket is private, and its objects live as long as messaging.storage says."""
    from cfnlint.decode.cfn_yaml import load  # type: ignore[import-untyped, unused-ignore]

    storage = place.connection.storage("")
    storage.open()
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


def environment(stack: Stack, url: str, who: str) -> Dict[str, str]:
    """Give the variables with which a program is that user of the stack."""
    return {
        **stack.aws.environment,
        "AWS_ENDPOINT_URL": url,
        "AWS_ACCESS_KEY_ID": who,
        f"{stack.part.upper()}_BUCKET": BUCKET,
        f"{stack.part.upper()}_INPUT_QUEUE": stack.outputs["InputQueue"],
        f"{stack.part.upper()}_OUTPUT_QUEUE": stack.outputs["OutputQueue"],
    }


def run(stack: Stack, url: str, *arguments: str) -> str:
    """Run the client of a part; give what it says."""
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


@pytest.mark.parametrize("part", NAMES)
def test_the_rights_are_enough_and_none_is_spare(
    stacks: Dict[str, Stack], part: str, tmp_path: Path
) -> None:
    """With exactly the template's rights both programs work, and they use each one of them."""
    stack = stacks[part]
    operation = ["gamma"] if part == "image" else []
    worker = [sys.executable, "-m", f"{part}.worker", *operation]
    with Enforcer(stack.aws.url, stack.rights) as enforcer:
        running = Running(worker, environment(stack, enforcer.url, "worker"))
        try:
            running.wait_for(" reads ")
            use(stack, enforcer.url, tmp_path)
            use_by_hand(stack, running)
        finally:
            running.process.kill()
            running.process.wait()

        denied = {right for rights in enforcer.denied.values() for right, _ in rights}
        assert denied <= {"sqs:ListQueues"}, denied
        for who, used in enforcer.used.items():
            assert granted(stack.rights[who]) - {right for right, _ in used} <= RARE[part]


def use(stack: Stack, url: str, folder: Path) -> None:
    """Let the client do all that it can: short lists and long ones, or images."""
    if stack.part == "image":
        run(stack, url, "image/Moon.jpg", "--output", str(folder / "moon.jpg"))
        assert (folder / "moon.jpg").stat().st_size > 10_000
        put_payload(stack, url)
    else:
        assert json.loads(run(stack, url, "--json", "3,1,2"))["median"] == 2
        (folder / "lists.txt").write_text(",".join(map(str, range(60_000))) + "\n" + "1,2\n" * 12)
        run(stack, url, "--file", str(folder / "lists.txt"))


def put_payload(stack: Stack, url: str) -> None:
    """Put a body into the bucket, as a client does with one that is too long for SQS."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environment(stack, url, "client").items():
            patch.setenv(name, value)
        names = stack.outputs
        settings = Settings(names["InputQueue"], names["OutputQueue"], BUCKET)
        Connection(settings).storage("").put("payloads/test", b"Moon.jpg", "text/plain")


def use_by_hand(stack: Stack, running: Running) -> None:
    """Send a request that names no reply queue; its answer goes to the output queue."""
    sqs = client(stack.aws, "sqs")
    inbox = sqs.get_queue_url(QueueName=stack.outputs["InputQueue"])["QueueUrl"]
    outbox = sqs.get_queue_url(QueueName=stack.outputs["OutputQueue"])["QueueUrl"]
    sqs.send_message(QueueUrl=inbox, MessageBody="1,2" if stack.part == "calculation" else "no")
    answer = sqs.receive_message(QueueUrl=outbox, WaitTimeSeconds=20)
    assert answer["Messages"], running.said()


def granted(statements: List[Statement]) -> Set[str]:
    """Give the rights that statements allow."""
    allowing = [each for each in statements if each["Effect"] == "Allow"]
    return {right for each in allowing for right in as_list(each["Action"])}


@pytest.mark.parametrize("part", NAMES)
@pytest.mark.parametrize(
    ("service", "action", "arguments"),
    [
        ("sqs", "receive_message", {"QueueUrl": "http://aws/000000000000/INPUT"}),
        (
            "sqs",
            "delete_message",
            {"QueueUrl": "http://aws/000000000000/INPUT", "ReceiptHandle": "x"},
        ),
        ("sqs", "purge_queue", {"QueueUrl": "http://aws/000000000000/INPUT"}),
        ("sqs", "receive_message", {"QueueUrl": "http://aws/000000000000/INPUT-dead-letter"}),
        ("sqs", "receive_message", {"QueueUrl": "http://aws/000000000000/OUTPUT"}),
        (
            "sqs",
            "send_message",
            {"QueueUrl": "http://aws/000000000000/OUTPUT-x", "MessageBody": "x"},
        ),
        ("sqs", "list_queues", {"QueueNamePrefix": "OUTPUT"}),
        ("sqs", "create_queue", {"QueueName": "other"}),
        ("s3", "get_object", {"Bucket": BUCKET, "Key": "logs/x"}),
        ("s3", "put_object", {"Bucket": BUCKET, "Key": "logs/x", "Body": b""}),
        ("s3", "delete_object", {"Bucket": BUCKET, "Key": "payloads/x"}),
        ("s3", "delete_bucket", {"Bucket": BUCKET}),
    ],
)
def test_a_client_has_no_other_right(
    stacks: Dict[str, Stack], part: str, service: str, action: str, arguments: Dict[str, Any]
) -> None:
    """A client cannot read requests, find or answer others' reply queues, or touch logs."""
    import boto3

    stack = stacks[part]
    names = dict(zip(("INPUT", "OUTPUT"), NAMES[part]))
    spelt = {
        key: value
        if isinstance(value, bytes)
        else value.replace("INPUT", names["INPUT"]).replace("OUTPUT", names["OUTPUT"])
        for key, value in arguments.items()
    }
    with Enforcer(stack.aws.url, stack.rights) as enforcer:
        session: Any = boto3.Session("client", "secret", region_name="us-east-1")
        made = session.client(service, endpoint_url=enforcer.url)

        with pytest.raises(ClientError) as refused:
            getattr(made, action)(**spelt)

    assert refused.value.response["Error"]["Code"] in ("AccessDenied", "AccessDeniedException")


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
