"""The rights that the template grants: enough, none to spare, none to what is another's."""

from __future__ import annotations

import json
import sys
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any, Dict, Iterator, List, Set, Tuple

import pytest
from botocore.exceptions import ClientError

from messaging import Reply
from messaging.aws import sweeping
from messaging.aws.queue_calls import Queue
from messaging.aws.queues import create_reply_queue
from messaging.wire import names
from tests.acceptance.readme import rights
from tests.conftest import Running
from tests.gateway import Gateway

from .enforcer import Enforcer, Statement, as_list, user_id
from .stack import BUCKET, NAMES, Stack, client, connection, create, environment, run

pytestmark = pytest.mark.xdist_group("stacks")  # which take seconds to make

# Used only with more messages than a queue may hide, and by jobs that outlast their lease.
RARE = {
    "client": {"sqs:DeleteMessage"},
    # The latter two are for sweeping orphans.
    "worker": {"sqs:ChangeMessageVisibility", "sqs:GetQueueAttributes", "sqs:DeleteQueue"},
}
EVERYTHING: List[Statement] = [{"Effect": "Allow", "Action": "sqs:*", "Resource": "*"}]


@contextmanager
def enforced(stack: Stack, **others: List[Statement]) -> Iterator[Tuple[str, Enforcer]]:
    """Put an enforcer in front of the server, with the rights of the stack's users and others."""
    enforcer = Enforcer({**stack.rights, **others})
    with Gateway(stack.aws.url) as gateway:
        gateway.faults.append(enforcer)
        yield gateway.url, enforcer


@pytest.mark.parametrize("part", NAMES)
def test_the_rights_are_enough_and_none_is_spare(
    stacks: Dict[str, Stack], part: str, tmp_path: Path
) -> None:
    """With exactly the template's rights both programs work, and they use each of them."""
    stack = stacks[part]
    operation = ["gamma"] if part == "image" else []
    worker = [sys.executable, "-m", f"{part}.worker", *operation]
    with enforced(stack) as (url, enforcer):
        running = Running(worker, environment(stack, url, "worker"))
        try:
            running.wait_for(" reads ")
            use(stack, url, tmp_path)
            use_by_hand(stack, running)
        finally:
            running.process.kill()
            running.process.wait()

        denied = {right for rights in enforcer.denied.values() for right, _ in rights}
        assert denied <= {"sqs:ListQueues"}, denied
        for who, used in enforcer.used.items():
            assert granted(stack.rights[who]) - {right for right, _ in used} <= RARE[who]


@pytest.mark.parametrize("part", NAMES)
def test_the_handbook_names_the_rights_of_the_template(stacks: Dict[str, Stack], part: str) -> None:
    """The handbook lists for clients and workers what the template grants."""
    kind = "images" if part == "image" else "long lists"
    sweeping = "`manage.py sweep`; a worker, if it shall sweep"
    rows = {"client": ["client", f"client, {kind}"], "worker": ["worker", sweeping]}

    for who, told in rows.items():
        assert rights(*told) == granted(stacks[part].rights[who])


def use(stack: Stack, url: str, folder: Path) -> None:
    """Have the client do all that it can: short lists and long ones, or images."""
    if stack.part == "image":
        run(stack, url, "image/Moon.jpg", "--output", str(folder / "moon.jpg"))
        assert (folder / "moon.jpg").stat().st_size > 10_000
    else:
        assert json.loads(run(stack, url, "--json", "3,1,2"))["median"] == 2
        (folder / "lists.txt").write_text(",".join(map(str, range(60_000))) + "\n" + "1,2\n" * 12)
        run(stack, url, "--file", str(folder / "lists.txt"))


def use_by_hand(stack: Stack, running: Running) -> None:
    """Send a request that names no reply queue, and one for a missing object."""
    sqs = client(stack.aws, "sqs")
    inbox = sqs.get_queue_url(QueueName=stack.outputs["InputQueue"])["QueueUrl"]
    outbox = sqs.get_queue_url(QueueName=stack.outputs["OutputQueue"])["QueueUrl"]
    key = {"PayloadKey": {"DataType": "String", "StringValue": "payloads/x/none"}}
    attributes = key if stack.part == "calculation" else {}
    sqs.send_message(QueueUrl=inbox, MessageBody="none", MessageAttributes=attributes)
    answer = sqs.receive_message(QueueUrl=outbox, WaitTimeSeconds=20)
    assert answer["Messages"], running.said()
    assert "there is no object" in answer["Messages"][0]["Body"]


def granted(statements: List[Statement]) -> Set[str]:
    """Return the rights that statements allow."""
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
        ("sqs", "create_queue", {"QueueName": "OUTPUT-of-another-stack"}),
        ("sqs", "receive_message", {"QueueUrl": "http://aws/000000000000/OUTPUT-in"}),
        ("s3", "list_objects_v2", {"Bucket": BUCKET}),
        ("s3", "list_objects_v2", {"Bucket": BUCKET, "Prefix": "payloads/"}),
        ("s3", "get_object", {"Bucket": BUCKET, "Key": "logs/x"}),
        ("s3", "put_object", {"Bucket": BUCKET, "Key": "logs/x", "Body": b""}),
        ("s3", "get_object", {"Bucket": BUCKET, "Key": "payloads/AIDAOTHER/x"}),
        ("s3", "put_object", {"Bucket": BUCKET, "Key": "payloads/AIDAOTHER/x", "Body": b""}),
        ("s3", "put_object", {"Bucket": BUCKET, "Key": "payloads/AIDACLIENT2/x", "Body": b""}),
        ("s3", "put_object", {"Bucket": BUCKET, "Key": "payloads/xprocessed", "Body": b""}),
        ("s3", "delete_object", {"Bucket": BUCKET, "Key": "payloads/AIDACLIENT/x"}),
        ("s3", "delete_bucket", {"Bucket": BUCKET}),
    ],
)
def test_a_client_has_no_other_right(
    stacks: Dict[str, Stack], part: str, service: str, action: str, arguments: Dict[str, Any]
) -> None:
    """A client cannot read requests, find or answer others' reply queues, or touch logs."""
    stack = stacks[part]
    names = dict(zip(("INPUT", "OUTPUT"), NAMES[part]))
    spelt = {
        key: value
        if isinstance(value, bytes)
        else value.replace("INPUT", names["INPUT"]).replace("OUTPUT", names["OUTPUT"])
        for key, value in arguments.items()
    }
    with enforced(stack) as (url, _):
        assert is_denied(connection(stack, url, "client").client(service), action, **spelt)


def test_a_list_is_for_the_worker_alone(stacks: Dict[str, Stack]) -> None:
    """Other clients of either part can neither read nor replace a long list."""
    lists, images = stacks["calculation"], stacks["image"]
    strangers = {"another": lists.rights["client"], "viewer": images.rights["client"]}
    drawing = {"drawer": images.rights["worker"]}
    with enforced(lists, **strangers, **drawing) as (url, _):
        maker = connection(lists, url, "client")
        key = f"payloads/{maker.user_id()}/x"
        maker.storage("").put(key, b"3,1,2", "text/plain")

        assert connection(lists, url, "worker").storage("").get(key, 10) == b"3,1,2"
        for who in (*strangers, *drawing):
            s3 = connection(lists, url, who).s3
            assert is_denied(s3, "get_object", Bucket=BUCKET, Key=key), who
            assert is_denied(s3, "put_object", Bucket=BUCKET, Key=key, Body=b"9"), who
            assert is_denied(s3, "list_objects_v2", Bucket=BUCKET, Prefix="payloads/"), who


@pytest.mark.parametrize("part", NAMES)
def test_a_bucket_of_another_account_is_closed(stacks: Dict[str, Stack], part: str) -> None:
    """Whoever has taken the bucket's name can neither read nor supply images, lists or logs."""
    stack = stacks[part]
    own = "x.png" if part == "image" else f"payloads/{user_id('client')}/x"
    with enforced(stack) as (url, enforcer):
        for who, key in (("client", own), ("worker", f"logs/{part}/x")):
            s3 = connection(stack, url, who).s3
            enforcer.owner = "000000000000"
            s3.put_object(Bucket=BUCKET, Key=key, Body=b"1")
            enforcer.owner = "999999999999"
            assert is_denied(s3, "put_object", Bucket=BUCKET, Key=key, Body=b"1")
            assert is_denied(s3, "get_object", Bucket=BUCKET, Key=key)
            assert is_denied(s3, "list_objects_v2", Bucket=BUCKET)


def test_no_names_of_queues_open_the_requests_to_clients(stacks: Dict[str, Stack]) -> None:
    """An input queue with the name of a reply queue is still closed to clients."""
    names = {"InputQueueName": "jobs-in", "OutputQueueName": "jobs"}
    stack = create(stacks["calculation"].aws, "calculation", "crooked", **names)
    with enforced(stack) as (url, _):
        sqs = connection(stack, url, "client").sqs
        for name in ("jobs-in", "jobs-in-dead-letter"):
            there = {"QueueUrl": f"http://aws/000000000000/{name}"}
            assert is_denied(sqs, "receive_message", **there)
            assert is_denied(sqs, "delete_queue", **there)
            assert is_denied(sqs, "delete_message", ReceiptHandle="x", **there)
            assert is_denied(sqs, "create_queue", QueueName=name)
        assert sqs.get_queue_url(QueueName="jobs-in")


def is_denied(aws: Any, action: str, **arguments: Any) -> bool:
    """Return whether an action fails for lack of a right."""
    try:
        getattr(aws, action)(**arguments)
    except ClientError as error:
        return bool(error.response["Error"]["Code"] == "AccessDenied")
    return False


@pytest.mark.parametrize("part", NAMES)
def test_a_reply_queue_is_for_its_maker_alone(stacks: Dict[str, Stack], part: str) -> None:
    """Another client that knows its name is denied, while the worker's answer reaches its owner."""
    stack = stacks[part]
    with enforced(stack, another=stack.rights["client"]) as (url, _):
        maker, worker, another = (
            connection(stack, url, who) for who in ("client", "worker", "another")
        )
        name, other = (names.new_name(stack.outputs["OutputQueue"]) for _ in range(2))
        queue = create_reply_queue(maker.sqs, name, maker.user_id)
        unprotected = Queue(maker.sqs, maker.sqs.create_queue(QueueName=other)["QueueUrl"])

        replace(queue, sqs=worker.sqs).send([Reply("2", "1").to_message()])

        receipt = {"QueueUrl": queue.url, "ReceiptHandle": "any"}
        assert is_denied(another.sqs, "receive_message", QueueUrl=queue.url)
        assert is_denied(another.sqs, "delete_message", **receipt)
        assert not is_denied(another.sqs, "receive_message", QueueUrl=unprotected.url)
        assert [delivery.body for delivery in queue.receive(10, 5, 30)] == ["2"]


def test_whoever_may_do_everything_may_sweep_but_not_read(stacks: Dict[str, Stack]) -> None:
    """With all rights to SQS one can find and delete a client's reply queue, but not read it."""
    stack = stacks["calculation"]
    with enforced(stack, operator=EVERYTHING) as (url, _):
        maker, operator = (connection(stack, url, who) for who in ("client", "operator"))
        output = stack.outputs["OutputQueue"]
        name = names.new_name(output)
        queue = create_reply_queue(maker.sqs, name, maker.user_id)
        entry = {"Id": "0", "ReceiptHandle": "any"}
        receipt = {"ReceiptHandle": "any", "VisibilityTimeout": 0}
        denied: Dict[str, Any] = {
            "receive_message": {},
            "delete_message_batch": {"Entries": [entry]},
            "change_message_visibility": receipt,
            "change_message_visibility_batch": {"Entries": [{**entry, "VisibilityTimeout": 0}]},
            "purge_queue": {},
            "set_queue_attributes": {"Attributes": {"Policy": ""}},
            "remove_permission": {"Label": "any"},
        }

        for action, arguments in denied.items():
            assert is_denied(operator.sqs, action, QueueUrl=queue.url, **arguments), action
        operator.sqs.get_queue_attributes(QueueUrl=queue.url, AttributeNames=["All"])
        swept = [
            each.name for each, reason in sweeping.sweep(operator.sqs, output, -1) if not reason
        ]
        assert name in swept
