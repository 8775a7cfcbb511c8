"""What the programs create in AWS is waited for and completed; what others created is not."""

import json
import logging
import time
from typing import Any, List

import pytest
from botocore.exceptions import ClientError

from messaging import Storage
from messaging.aws import rules
from messaging.aws.buckets import complete_bucket, open_bucket
from messaging.aws.queues import DEAD_LETTER, complete_queue, max_receive_count, open_queue
from tests.conftest import ROOT, Place
from tests.gateway import Gateway

IDS = ["payloads", "logs", "unfinished-uploads"]


@pytest.fixture
def storage(counted: Place) -> Storage:
    """A bucket that does not exist yet, through the gateway."""
    return counted.connection.storage("")


def lifecycle(storage: Storage) -> List[Any]:
    """Return the ids of the bucket's lifecycle rules."""
    return [rule["ID"] for rule in rules.lifecycle(storage)]


def test_both_pairs_work_where_nothing_is_made_yet(place: Place, tmp_path: Any) -> None:
    """A client that starts before anything exists gets its replies, to lists and images."""
    (tmp_path / "lists.txt").write_text("3,1,2\n" + ",".join(map(str, range(60_000))))

    place.worker()
    done = place.client("--file", str(tmp_path / "lists.txt"), "--json")
    assert (done.returncode, done.stderr) == (0, "")
    assert [json.loads(line)["count"] for line in done.stdout.splitlines()] == [3, 60_000]

    other = Place(place.url, place.environment)
    other.worker("gamma", module="image.worker")
    picture = str(ROOT / "image" / "Moon.jpg")
    done = other.client(picture, "--output-dir", str(tmp_path), module="image.client")
    other.close()
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "Moonprocessed.jpg").exists()


def test_what_others_made_and_deleted_is_not_waited_for(place: Place) -> None:
    """A missing queue or bucket that we did not just create is reported at once."""
    queue = open_queue(place.connection.sqs, place.inbox().name)
    place.sqs.delete_queue(QueueUrl=queue.url)
    started = time.monotonic()

    with pytest.raises(ClientError):
        max_receive_count(queue)
    with pytest.raises(ClientError):
        place.connection.storage("").put("key", b"", "text/plain")
    assert time.monotonic() - started < 2


def test_a_name_deleted_a_moment_ago_is_waited_for_and_told(
    place: Place, caplog: pytest.LogCaptureFixture
) -> None:
    """A deleted queue's name is free after a minute; one line says that the program waits."""
    name = place.settings.output_queue
    sqs = place.connection.sqs
    queue = open_queue(sqs, name)
    sqs.delete_queue(QueueUrl=queue.url)

    assert open_queue(sqs, name).name == name
    assert [record.message for record in caplog.records if record.levelno >= logging.WARNING] == [
        f"{name} was deleted less than 60 s ago, and AWS makes it anew only after that: "
        "waiting up to 60 s."
    ]


@pytest.mark.parametrize("step", ["PutBucketPublicAccessBlock", "PutLifecycleConfiguration"])
def test_a_bucket_half_made_is_finished_by_the_next_start(
    storage: Storage, gateway: Gateway, caplog: pytest.LogCaptureFixture, step: str
) -> None:
    """If a right was missing once, a warning names it, and the next start completes the bucket."""
    none_yet = "NoSuchPublicAccessBlockConfiguration"  # AWS gives each new bucket one
    gateway.refuse("GetBucketPublicAccessBlock", 404, none_yet, times=1)
    gateway.refuse(step, 403, "AccessDenied", times=1)

    open_bucket(storage)
    (warning,) = [record.message for record in caplog.records]
    assert storage.bucket in warning
    assert f"takes the right s3:{step}" in warning
    assert lifecycle(storage) == []

    open_bucket(storage)
    assert lifecycle(storage) == IDS
    assert storage.s3.get_public_access_block(Bucket=storage.bucket)
    assert rules.is_marked(storage)
    assert len(caplog.records) == 1


def test_a_server_that_knows_no_such_call_costs_a_warning(
    storage: Storage, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    """An S3 other than AWS's need not have every call; the bucket gets what it supports."""
    for call in ("GetBucketPublicAccessBlock", "PutBucketPublicAccessBlock", "PutBucketTagging"):
        gateway.refuse(call, 501, "NotImplemented")

    open_bucket(storage)

    assert lifecycle(storage) == IDS
    assert ["its tag" in record.message for record in caplog.records] == [True, False]
    open_bucket(storage)
    assert len(caplog.records) == 2


def test_the_bucket_of_somebody_who_sees_to_it_is_left_alone(
    storage: Storage, caplog: pytest.LogCaptureFixture
) -> None:
    """A bucket that we did not create gets no lifecycle rules, and does not count as ours."""
    assert not rules.is_marked(storage)
    storage.s3.create_bucket(Bucket=storage.bucket)

    open_bucket(storage)
    assert not caplog.records
    complete_bucket(storage)

    assert lifecycle(storage) == []
    assert not rules.is_marked(storage)
    assert "was not made by these programs" in caplog.text


def test_create_completes_a_bucket_of_ours_and_keeps_what_was_added(storage: Storage) -> None:
    """The operator's rules stay, and a rule of ours that is missing or too short is corrected."""
    open_bucket(storage)
    added: Any = {
        "ID": "added",
        "Status": "Enabled",
        "Filter": {"Prefix": "photos/"},
        "Expiration": {"Days": 1},
    }
    short: Any = {**added, "ID": "payloads", "Filter": {"Prefix": "payloads/"}}
    storage.s3.put_bucket_lifecycle_configuration(
        Bucket=storage.bucket, LifecycleConfiguration={"Rules": [added, short]}
    )
    storage.s3.delete_public_access_block(Bucket=storage.bucket)

    complete_bucket(storage)

    assert lifecycle(storage) == ["added", *IDS]
    days = [rule["Expiration"]["Days"] for rule in rules.lifecycle(storage)[:3]]
    assert days == [1, rules.PAYLOAD_DAYS, rules.LOG_DAYS]
    assert storage.s3.get_public_access_block(Bucket=storage.bucket)


def test_what_is_made_refuses_plain_http(
    storage: Storage, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Bucket and queues get the policy that AWS recommends, if we use HTTPS ourselves."""
    monkeypatch.setattr("messaging.aws.rules.over_tls", lambda client: True)
    open_bucket(storage)
    queue = open_queue(place.sqs, place.settings.input_queue, dead_letter=True)

    policies = [storage.s3.get_bucket_policy(Bucket=storage.bucket)["Policy"]]
    for each in (queue, queue.sibling(queue.name + DEAD_LETTER)):
        asked = place.sqs.get_queue_attributes(QueueUrl=each.url, AttributeNames=["Policy"])
        policies.append(asked["Attributes"]["Policy"])
    for policy in policies:
        (statement,) = json.loads(policy)["Statement"]
        assert statement["Effect"] == "Deny"
        assert statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}


def test_a_dead_letter_queue_with_other_attributes_is_taken_as_it_is(place: Place) -> None:
    """An existing dead-letter queue is used by the input queue as it is."""
    name = place.settings.input_queue
    place.sqs.create_queue(QueueName=name + DEAD_LETTER, Attributes={"DelaySeconds": "1"})

    queue = open_queue(place.sqs, name, dead_letter=True)

    assert max_receive_count(queue) == 5


def test_create_gives_an_input_queue_the_dead_letter_queue_it_lacks(place: Place) -> None:
    """create adds a dead-letter queue that is missing or was deleted."""
    name = place.settings.input_queue
    place.sqs.create_queue(QueueName=name, Attributes={"MaximumMessageSize": "65536"})
    queue = open_queue(place.sqs, name, dead_letter=True)
    assert max_receive_count(queue) == 0

    complete_queue(queue)
    assert max_receive_count(queue) == 5
    dead = open_queue(place.sqs, name + DEAD_LETTER)
    place.sqs.delete_queue(QueueUrl=dead.url)

    complete_queue(queue)
    assert place.sqs.get_queue_url(QueueName=name + DEAD_LETTER)["QueueUrl"] == dead.url


def test_a_dead_letter_queue_that_may_not_be_made_is_a_warning(
    counted: Place, gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    """The warning quotes AWS, which names the missing right."""
    queue = open_queue(counted.sqs, counted.settings.input_queue)
    gateway.refuse("SetQueueAttributes", 403, "AccessDenied")

    complete_queue(queue)

    assert "AWS refused SetQueueAttributes (AccessDenied): made for a test" in caplog.text
