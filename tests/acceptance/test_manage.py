"""The operator's program creates, shows, repairs and deletes, and asks first."""

import json
import subprocess
import sys
import time
from datetime import datetime, timezone
from typing import Any, Dict, List

import pytest

from tests.acceptance.typist import Typist
from tests.conftest import ROOT, UNLIKE_AWS, Place, wait_until
from tests.gateway import Gateway, error
from tests.habits import Counts
from tests.plain import DEAD_LETTER, Queue

MODULE = "scripts.manage"


def rows(place: Place, *arguments: str, code: int = 0) -> List[Dict[str, Any]]:
    """Run a command with --json; return its rows."""
    done = place.client(*arguments, "--json", module=MODULE)
    assert done.returncode == code, done.stdout + done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def asked(place: Place, *command: str, answer: str) -> "subprocess.CompletedProcess[str]":
    """Run a command that asks, and answer it."""
    return place.client(*command, module=MODULE, input=answer)


def dead_letters(place: Place) -> Queue:
    """Return the dead-letter queue."""
    return place.inbox().sibling(place.settings.input_queue + DEAD_LETTER)


def apart(place: Place) -> None:
    """Give the image part queues and a bucket of its own."""
    names = {"INPUT_QUEUE": "inbox-apart", "OUTPUT_QUEUE": "outbox-apart", "BUCKET": "bucket-apart"}
    place.environment.update({f"IMAGE_{name}": value for name, value in names.items()})


def test_create_says_what_it_made_and_what_was_there(place: Place) -> None:
    """create makes all that both programs need; a second time, all of it exists."""
    names = [
        place.settings.input_queue,
        place.settings.input_queue + DEAD_LETTER,
        place.settings.output_queue,
        place.settings.bucket,
    ]

    first, second = (rows(place, "create", "calculation") for _ in range(2))

    assert [(row["name"], row["state"]) for row in first] == [(name, "created") for name in names]
    assert {row["state"] for row in second} == {"existed"}


def test_delete_removes_all_of_a_part_and_a_bucket_of_ours(place: Place) -> None:
    """delete removes queues, reply queues, logs, payloads, and the bucket that create made."""
    apart(place)
    rows(place, "create", "calculation")
    private = f"{place.settings.output_queue}-20200101T0000-0123456789abcdef"
    place.sqs.create_queue(QueueName=private)
    for key in ("logs/calculation/x", "payloads/x"):
        place.s3.put_object(Bucket=place.settings.bucket, Key=key, Body=b"x")

    gone = [row["deleted"] for row in rows(place, "delete", "calculation", "--yes")]

    assert len(gone) == 7
    assert {private, "logs/calculation/", "payloads/", place.settings.bucket} < set(gone)
    assert rows(place, "delete", "calculation", "--yes") == []
    assert place.settings.bucket not in [
        bucket["Name"] for bucket in place.s3.list_buckets()["Buckets"]
    ]


def test_delete_leaves_what_others_put_into_the_bucket(place: Place) -> None:
    """Images, another part's logs and so the bucket stay; the command says how to remove them."""
    apart(place)
    rows(place, "create", "calculation")
    kept = ["holiday.jpg", "holidayprocessed.jpg", "logs/image/x"]
    for key in (*kept, "logs/calculation/x"):
        place.s3.put_object(Bucket=place.settings.bucket, Key=key, Body=b"x")

    last = rows(place, "delete", "calculation", "--yes")[-1]

    assert place.keys() == kept
    assert last["kept"] == place.settings.bucket
    how = f"aws s3 rm --recursive s3://{place.settings.bucket}"
    assert last["why"] == f"it still holds 3 objects, 3 bytes; `{how}` removes them"


def test_delete_leaves_a_bucket_that_another_part_uses(place: Place) -> None:
    """As long as the other part's queues exist, the bucket of both stays."""
    place.environment["IMAGE_INPUT_QUEUE"] = f"{place.settings.input_queue}-image"
    place.environment["IMAGE_OUTPUT_QUEUE"] = f"{place.settings.output_queue}-image"
    rows(place, "create")

    last = rows(place, "delete", "calculation", "--yes")[-1]
    assert (last["kept"], last["why"]) == (place.settings.bucket, "image uses it")

    assert rows(place, "delete", "--yes")[-1]["deleted"] == place.settings.bucket


def test_delete_leaves_a_bucket_that_was_not_made_by_us(place: Place) -> None:
    """A bucket that we did not create keeps all that is in it."""
    place.s3.create_bucket(Bucket=place.settings.bucket)
    place.s3.put_object(Bucket=place.settings.bucket, Key="payroll/2026.csv", Body=b"x")
    rows(place, "create", "calculation")

    last = rows(place, "delete", "calculation", "--yes")[-1]

    assert last["kept"] == place.settings.bucket
    assert last["why"] == "these programs did not create it"
    assert place.keys() == ["payroll/2026.csv"]


def test_delete_takes_all_versions(place: Place) -> None:
    """In a versioned bucket, all versions of what the part wrote are deleted."""
    apart(place)
    rows(place, "create", "calculation")
    versions = {"Status": "Enabled"}
    place.s3.put_bucket_versioning(Bucket=place.settings.bucket, VersioningConfiguration=versions)
    for _ in range(2):
        place.s3.put_object(Bucket=place.settings.bucket, Key="logs/calculation/x", Body=b"x")
    place.s3.delete_object(Bucket=place.settings.bucket, Key="logs/calculation/x")

    assert rows(place, "delete", "calculation", "--yes")[-1]["deleted"] == place.settings.bucket


def test_delete_finds_the_bucket_without_queues(place: Place) -> None:
    """What a part left in the bucket is deleted even if its queues are gone."""
    apart(place)
    rows(place, "create", "calculation")
    for name in (place.settings.input_queue, place.settings.output_queue):
        place.sqs.delete_queue(QueueUrl=place.sqs.get_queue_url(QueueName=name)["QueueUrl"])
    place.sqs.delete_queue(QueueUrl=place.outbox().sibling(f"{name}").url)

    assert rows(place, "delete", "calculation", "--yes")[-1]["deleted"] == place.settings.bucket


def test_delete_asks_first_and_shows_how_much_would_go(place: Place) -> None:
    """Only the word delete confirms; any other answer exits with 1."""
    rows(place, "create", "calculation")
    place.inbox().send([{"MessageBody": "1"}])
    place.s3.put_object(Bucket=place.settings.bucket, Key="logs/calculation/x", Body=b"12345")

    done = asked(place, "delete", "calculation", answer="yes\n")

    assert done.returncode == 1
    assert f"{place.settings.input_queue}: 1 messages" in done.stderr
    assert f"logs/calculation/ in {place.settings.bucket}: 1 objects, 5 bytes" in done.stderr
    assert "nothing more was deleted" in done.stderr
    assert done.stdout == ""
    assert place.keys() == ["logs/calculation/x"]
    done = asked(place, "delete", "calculation", answer="delete\n")
    assert done.returncode == 0
    assert str(place.settings.bucket) in done.stdout


def test_what_delete_may_not_delete_is_named(counted: Place, gateway: Gateway) -> None:
    """What AWS refuses to delete is listed with the reason, the rest goes; the exit code is 1."""
    apart(counted)
    rows(counted, "create", "calculation")
    gateway.refuse("DeleteQueue", 403, "AccessDenied", times=1)

    first, *others = rows(counted, "delete", "calculation", "--yes", code=1)

    assert first["kept"] == counted.settings.input_queue
    assert "AWS refused DeleteQueue (AccessDenied)" in first["failed"]
    assert all("deleted" in row for row in others)


def test_status_counts_messages(place: Place) -> None:
    """Each queue's waiting, in-flight and dead messages are counted; a missing queue exits with 1.

    The table and each JSON object name account, region and bucket.
    """
    inbox = place.inbox()
    inbox.send([{"MessageBody": str(number)} for number in range(3)])
    inbox.receive(1, 1, 30)

    first, dead, output, replies = rows(place, "status", "calculation", code=1)

    assert first["queue"] == inbox.name
    assert (first["waiting"], first["in flight"]) == (2, 1)
    assert (first["region"], first["bucket"]) == ("us-east-1", place.settings.bucket)
    assert first["account"].isdigit()
    age = datetime.now(timezone.utc) - datetime.fromisoformat(first["time"].replace("Z", "+00:00"))
    assert abs(age.total_seconds()) < 10
    assert dead["waiting"] == 0
    assert (output["waiting"], output["failed"]) == ("-", "it does not exist")
    assert "0 reply queues" in replies["queue"]
    place.outbox()
    table = place.client("status", "calculation", module=MODULE).stdout.splitlines()
    where = f"account {first['account']}, region us-east-1, bucket {place.settings.bucket}"
    assert table[0] == f"calculation: {where}"
    assert table[1].split() == ["queue", "waiting", "in", "flight", "oldest"]
    assert table[2].split()[:3] == [inbox.name, "2", "1"]


def test_status_asks_no_more_for_many_reply_queues(counted: Place, gateway: Gateway) -> None:
    """At most a hundred reply queues are counted, however many there are."""
    output = counted.outbox().name
    counted.inbox()
    for number in range(120):
        counted.sqs.create_queue(QueueName=f"{output}-20200101T0000-{number:016x}")
    gateway.counts.clear()

    last = rows(counted, "status", "calculation")[-1]

    assert "120 reply queues, 100 counted" in last["queue"]
    assert gateway.counts["GetQueueAttributes"] <= 103
    assert gateway.of_service("sqs") < 120


def test_status_on_watch_redraws_and_tells_the_time(place: Place) -> None:
    """At a terminal --watch redraws in place and shows the time."""
    command = ["-m", MODULE, "status", "calculation", "--watch", "--interval", "0.1"]
    typist = Typist(place, *command, COLUMNS="200")

    for _ in range(2):
        typist.reads("\x1b[H\x1b[J")
        typist.matches(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ  calculation: account ")
    typist.child.sendintr()
    assert typist.ends() == 130


def test_status_tells_the_age_of_the_oldest_message(place: Place, aws: Any) -> None:
    """The age is CloudWatch's latest."""
    if (aws.kind, "CloudWatch") in UNLIKE_AWS:
        pytest.skip(UNLIKE_AWS[aws.kind, "CloudWatch"])
    place.inbox(), place.outbox()
    place.connection.client("cloudwatch").put_metric_data(
        Namespace="AWS/SQS",
        MetricData=[
            {
                "MetricName": "ApproximateAgeOfOldestMessage",
                "Dimensions": [{"Name": "QueueName", "Value": place.settings.input_queue}],
                "Timestamp": datetime.now(timezone.utc),
                "Value": 42.0,
            }
        ],
    )

    assert rows(place, "status", "calculation")[0]["oldest"] == "42 s"


def test_dead_shows_each_letter_and_takes_none(place: Place) -> None:
    """dead shows age, sender, receives, reply queue, body and reason, and removes nothing.

    Characters that would move a terminal's cursor are left out.
    """
    rows(place, "create", "calculation")
    queue = dead_letters(place)
    text = {"DataType": "String", "StringValue": f"{place.settings.output_queue}-x"}
    bodies = ["3,1,2", "evil\t\nnext " + "x" * 100, *map(str, range(10))]
    queue.send([{"MessageBody": body} for body in bodies[1:]])
    sent = place.sqs.send_message(
        QueueUrl=queue.url, MessageBody=bodies[0], MessageAttributes={"ReplyTo": text}
    )
    log = (
        f"received  2026-11-25T13:00:00.000+00:00, delivery 5 of message {sent['MessageId']} from "
        "me\nhandled   in 1.000 ms by somebody\nnote      a note\n"
        "failed    the worker failed 5 times, the last time with OSError()\n\n"
    )
    now = datetime.now(timezone.utc)
    key = f"logs/calculation/{now:%Y/%m/%d/%H%M%S}Z-0.txt"
    place.s3.put_object(Bucket=place.settings.bucket, Key=key, Body=log.encode())

    shown = {row["message"]: row for row in rows(place, "dead", "calculation")}

    assert len(shown) == len(bodies)
    letter = shown[sent["MessageId"]]
    assert letter["body"] == "3,1,2"
    assert letter["reply to"] == f"{place.settings.output_queue}-x"
    assert letter["receives"] == 1
    assert letter["sender"]
    assert letter["age"].endswith(" s")
    assert letter["reason"] == "the worker failed 5 times, the last time with OSError()"
    others = [row for row in shown.values() if row is not letter]
    assert {row["reply to"] for row in others} == {place.settings.output_queue}
    assert f"evil next {'x' * 50}" in [row["body"] for row in others]
    assert place.messages(queue) == (len(bodies), 0)
    assert len(rows(place, "dead", "calculation", "--limit", "11")) == 11


def test_redrive_moves_attributes_of_any_kind(counted: Place, gateway: Gateway) -> None:
    """Binary attributes, ten attributes, and more bytes than fit a batch all arrive; none of them
    is said to be left, though SQS's own count lags."""
    gateway.faults.append(Counts())
    rows(counted, "create", "calculation")
    queue = dead_letters(counted)
    binary = {"DataType": "Binary", "BinaryValue": b"\x00{}"}
    ten = {f"a{number}": {"DataType": "Number", "StringValue": "1"} for number in range(10)}
    large = {"own": {"DataType": "String", "StringValue": "x" * 1000}}
    for body, attributes in (("1", {"_datadog": binary}), ("2", ten), ("3" * 1_040_000, large)):
        counted.sqs.send_message(QueueUrl=queue.url, MessageBody=body, MessageAttributes=attributes)

    assert rows(counted, "redrive", "calculation") == [
        {"part": "calculation", "moved": 3, "left": 0}
    ]

    found: Dict[str, Any] = {}
    while len(found) < 3:
        for each in counted.inbox().receive(1, 5, 60):
            found[each.body[0]] = each.attributes
    assert found["1"]["_datadog"]["BinaryValue"] == b"\x00{}"
    assert "CorrelationId" in found["1"]
    assert set(found["2"]) == set(ten)
    assert found["3"]["own"]["StringValue"] == "x" * 1000


def refuse_in_part(call: Any) -> Any:
    """Refuse the entries with a bad body, as AWS refuses single entries of a batch."""
    bad = [entry for entry in call.entries if entry["MessageBody"] == "bad"]
    answer = call.carry_out_in_part([entry for entry in call.entries if entry not in bad])
    answer["Failed"] = [
        {"Id": entry["Id"], "SenderFault": True, "Code": "InvalidParameterValue"} for entry in bad
    ]
    return 200, {"Content-Type": "application/x-amz-json-1.0"}, json.dumps(answer).encode()


def test_redrive_names_what_it_could_not_move(counted: Place, gateway: Gateway) -> None:
    """A message that SQS refuses is listed with the reason and visible again; exit code 1."""
    rows(counted, "create", "calculation")
    queue = dead_letters(counted)
    queue.send([{"MessageBody": body} for body in ("1", "bad", "2")])
    gateway.spoil("SendMessageBatch", refuse_in_part)

    moved, failed = rows(counted, "redrive", "calculation", code=1)

    assert (moved["moved"], moved["left"]) == (2, 1)
    assert "InvalidParameterValue" in failed["failed"]
    (left,) = queue.receive(10, 1, 0)
    assert (left.body, left.message_id) == ("bad", failed["message"])


@pytest.mark.parametrize(("status", "code"), [(403, "AccessDenied"), (500, "InternalFailure")])
def test_redrive_doubles_nothing_where_nothing_can_be_deleted(
    counted: Place, gateway: Gateway, status: int, code: str
) -> None:
    """Nothing is sent that would also stay in the dead-letter queue, however often redrive runs."""
    rows(counted, "create", "calculation")
    dead_letters(counted).send([{"MessageBody": str(number)} for number in range(3)])
    gateway.refuse("DeleteMessageBatch", status, code)

    for _ in range(2):
        moved, failed = rows(counted, "redrive", "calculation", code=1)

        assert (moved["moved"], moved["left"]) == (0, 3)
        assert f"AWS refused DeleteMessageBatch ({code})" in failed["failed"]
    assert counted.messages(counted.inbox()) == (0, 0)


def test_redrive_tells_of_what_is_in_both_queues(counted: Place, gateway: Gateway) -> None:
    """A deletion that fails after sending is retried, and reported if it never succeeds."""
    rows(counted, "create", "calculation")
    dead_letters(counted).send([{"MessageBody": str(number)} for number in range(3)])
    gateway.spoil(
        "DeleteMessageBatch",
        lambda call: error(call.action, 400, "Odd") if b'"none"' not in call.body else None,
    )

    moved, failed = rows(counted, "redrive", "calculation", code=1)

    assert (moved["moved"], moved["left"]) == (0, 3)
    assert counted.messages(counted.inbox()) == (1, 0)
    assert failed["failed"].startswith("it is now in both queues, since AWS refused")


def test_what_dies_again_during_a_redrive_is_left(place: Place) -> None:
    """A message that became a dead letter after redrive began is not moved."""
    rows(place, "create", "calculation")
    queue = dead_letters(place)
    command = [sys.executable, "-m", MODULE, "redrive", "calculation", "--json"]
    queue.send([{"MessageBody": str(number)} for number in range(10)])
    wait_until(lambda: place.messages(queue).visible == 10)
    process = subprocess.Popen(
        command, cwd=ROOT, env=place.environment, stdout=subprocess.PIPE, text=True
    )
    inbox = place.inbox()
    give_up = time.monotonic() + 20
    while process.poll() is None and time.monotonic() < give_up:
        for each in inbox.receive(10, 0, 30):  # a worker that fails at every request
            queue.send([{"MessageBody": each.body}])
            inbox.delete([each])

    assert process.wait(1) == 0  # otherwise it would never end
    assert json.loads(str(process.communicate()[0]))["moved"] >= 10


def test_delete_tells_how_long_the_names_are_taken(place: Place) -> None:
    """Who deletes queues to make them anew reads in the help that SQS asks for a minute."""
    done = place.client("delete", "--help", module=MODULE)

    assert "only after 60 seconds" in " ".join(done.stdout.split())


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (["status", "nothing"], "there is no part 'nothing': there are calculation, image"),
        (["sweep", "--older-than", "-5"], "'-5' is no number of hours from 1 to 8,784"),
        (["sweep", "--older-than", "nan"], "'nan' is no number of hours from 1 to 8,784"),
        (["sweep", "--older-than", "1e12"], "'1e12' is no number of hours from 1 to 8,784"),
        (["status", "--interval", "5"], "--interval needs --watch"),
        (["status", "--watch", "--interval", "0"], "'0' is no number of seconds from 0.1"),
        (["dead", "--limit", "0"], "'0' is no whole number from 1 to 10000"),
        (["status", "--region", ""], "argument --region: it is empty"),
        (["status", "--profile", " "], "argument --profile: it is empty"),
        (["status", "--endpoint-url", "localhost:1"], "'localhost:1' is no URL"),
    ],
)
def test_wrong_usage(place: Place, arguments: List[str], line: str) -> None:
    """A wrong option or part is named in one line, and the exit code is 2."""
    done = place.client(*arguments, module=MODULE)

    assert done.returncode == 2
    assert line in done.stderr


@pytest.mark.parametrize(
    ("variable", "value"), [("BUCKET", "a b"), ("INPUT_QUEUE", "a/b"), ("OUTPUT_QUEUE", "ä")]
)
def test_nonsense_in_the_environment_is_named(place: Place, variable: str, value: str) -> None:
    """A variable with a value that its option would refuse is named."""
    name = f"CALCULATION_{variable}"
    done = place.client("status", "calculation", module=MODULE, environment={name: value})

    assert done.returncode == 2
    assert f"{name}: {value!r} is no " in done.stderr
