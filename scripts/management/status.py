"""Shows how much work a part has."""

from __future__ import annotations

import argparse
from datetime import datetime, timedelta, timezone
from typing import Iterator

from messaging.aws.queue_calls import Queue
from messaging.aws.trouble import AWS_ERRORS
from scripts.management.part import COUNTS, Part, Row, counted

MOST_COUNTED = 100  # reply queues; each costs a request
HEADING = ("time", "part", "account", "region", "bucket")


def status(part: Part, options: argparse.Namespace) -> Iterator[Row]:
    """Count the messages in each queue, and show the age of the oldest."""
    queues = {name: part.queue(name) for name in part.names()}
    found = [queue for queue in queues.values() if queue]
    storage = part.storage(found)
    now = datetime.now(timezone.utc)
    values = (f"{now:%Y-%m-%dT%H:%M:%SZ}", part.name, part.account(found))
    heading = dict(zip(HEADING, (*values, part.connection.region, storage.bucket)))
    for name, queue in queues.items():
        row: Row = {**heading, "queue": name}
        if queue:
            yield {**row, **counted(queue), "oldest": _age_of_oldest(part, queue)}
        else:
            missing = {**dict.fromkeys(COUNTS, "-"), "oldest": "-", "failed": "it does not exist"}
            yield {**row, **missing}
    yield {**heading, **_replies(part)}


def _replies(part: Part) -> Row:
    queues = part.reply_queues()
    waiting = [counted(queue) for queue in queues[:MOST_COUNTED]]
    totals = {column: sum(numbers[column] for numbers in waiting) for column in COUNTS}
    of = f", {MOST_COUNTED} counted" if len(queues) > MOST_COUNTED else ""
    label = f"{part.connection.settings.output_queue}-... ({len(queues)} reply queues{of})"
    return {"queue": label, **totals, "oldest": "-"}


def _age_of_oldest(part: Part, queue: Queue) -> str:
    """Return the age that CloudWatch reports, since SQS itself has none, or a dash."""
    now = datetime.now(timezone.utc)
    try:
        answer = part.connection.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": queue.name}],
            StartTime=now - timedelta(minutes=15),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )
    except AWS_ERRORS:
        return "-"
    points = sorted(answer["Datapoints"], key=lambda point: str(point["Timestamp"]))
    return f"{points[-1]['Maximum']:.0f} s" if points else "-"
