"""The operator's program makes, shows, mends and deletes, and asks first."""

import json
import subprocess
import sys
from datetime import datetime, timezone
from typing import Any, Dict, List

import pytest

from tests.conftest import ROOT, UNLIKE_AWS, Place

MODULE = "scripts.manage"


def rows(place: Place, *arguments: str) -> List[Dict[str, Any]]:
    """Run a command with --json; give what it prints."""
    done = place.client(*arguments, "--json", module=MODULE)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_create_makes_all_and_delete_removes_it(place: Place) -> None:
    """After create both programs find all they need; after delete nothing is left."""
    made = [row["name"] for row in rows(place, "create", "calculation")]
    assert made == [
        place.settings.input_queue,
        place.settings.output_queue,
        place.settings.bucket,
    ]
    assert rows(place, "create", "calculation")
    place.s3.put_object(Bucket=place.settings.bucket, Key="logs/x", Body=b"x")

    gone = [row["deleted"] for row in rows(place, "delete", "calculation", "--yes")]

    assert len(gone) == 4
    assert rows(place, "delete", "calculation", "--yes") == []
    assert place.settings.bucket not in [
        bucket["Name"] for bucket in place.s3.list_buckets()["Buckets"]
    ]


def test_delete_asks_first(place: Place) -> None:
    """Only the word delete deletes."""
    place.inbox()
    command = [sys.executable, "-m", MODULE, "delete", "calculation"]
    done = subprocess.run(
        command,
        cwd=ROOT,
        env=place.environment,
        input="yes\n",
        capture_output=True,
        text=True,
        check=True,
    )

    assert place.settings.input_queue in done.stderr
    assert done.stdout == "nothing done\n"
    assert place.sqs.get_queue_url(QueueName=place.settings.input_queue)


def test_status_counts_messages(place: Place) -> None:
    """What is waiting, in flight and dead is counted for each queue, in a table or as JSON."""
    inbox = place.inbox()
    inbox.send([{"MessageBody": str(number)} for number in range(3)])
    inbox.receive(1, 1, 30)

    first, dead, output, replies = rows(place, "status", "calculation")

    assert first["queue"] == inbox.name
    assert (first["waiting"], first["in flight"]) == (2, 1)
    assert dead["waiting"] == 0
    assert output["waiting"] == "-"
    assert "0 reply queues" in replies["queue"]
    table = place.client("status", "calculation", module=MODULE).stdout.splitlines()
    assert table[0].split() == ["queue", "waiting", "in", "flight", "oldest"]
    assert table[1].split()[:3] == [inbox.name, "2", "1"]


def test_status_tells_the_age_of_the_oldest_message(place: Place, aws: Any) -> None:
    """The age is the latest that CloudWatch has."""
    if (aws.kind, "CloudWatch") in UNLIKE_AWS:
        pytest.skip(UNLIKE_AWS[aws.kind, "CloudWatch"])
    place.inbox()
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


def test_unknown_parts_are_named(place: Place) -> None:
    """A part that does not exist is said in one line with those that do."""
    done = place.client("status", "nothing", module=MODULE)

    assert done.returncode == 2
    assert "there is no part 'nothing': there are calculation, image" in done.stderr
