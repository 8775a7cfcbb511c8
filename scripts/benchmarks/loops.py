"""Loops as tutorials write them with boto3 alone, and the bare requests, for comparison.

Run as a program it is a worker: `python3 -m scripts.benchmarks.loops tutorial IN OUT`.
"""

from __future__ import annotations

import json
import statistics
import sys
from typing import Any, Callable, Dict

POLL = 20
HIDDEN = 600  # seconds, so that what is not deleted does not come again


def tutorial(sqs: Any, inbox: str, outbox: str) -> None:
    """Work as a tutorial does: receive a message, handle it, send the reply, delete it."""
    while True:
        answer = sqs.receive_message(
            QueueUrl=inbox, WaitTimeSeconds=POLL, MessageAttributeNames=["All"]
        )
        for message in answer.get("Messages", ()):
            sqs.send_message(
                QueueUrl=outbox,
                MessageBody=summary(message["Body"]),
                MessageAttributes=message.get("MessageAttributes", {}),
            )
            sqs.delete_message(QueueUrl=inbox, ReceiptHandle=message["ReceiptHandle"])


def echo(sqs: Any, inbox: str, outbox: str) -> None:
    """Answer with two bare requests, receive and send, and leave the message hidden."""
    while True:
        answer = sqs.receive_message(QueueUrl=inbox, WaitTimeSeconds=POLL, VisibilityTimeout=HIDDEN)
        for message in answer.get("Messages", ()):
            sqs.send_message(QueueUrl=outbox, MessageBody=message["Body"])


def summary(text: str) -> str:
    """Summarise a short list as a tutorial does."""
    values = [int(item) for item in text.split(",")]
    return json.dumps(
        {
            "count": len(values),
            "min": min(values),
            "max": max(values),
            "median": statistics.median(values),
            "mean": statistics.mean(values),
        }
    )


def urls(sqs: Any, *names: str) -> Any:
    """Look queues up."""
    return [sqs.get_queue_url(QueueName=name)["QueueUrl"] for name in names]


WORKERS: Dict[str, Callable[[Any, str, str], None]] = {"tutorial": tutorial, "echo": echo}

if __name__ == "__main__":
    import boto3

    client = boto3.client("sqs")
    queues = urls(client, *sys.argv[2:])
    print("ready", file=sys.stderr, flush=True)
    WORKERS[sys.argv[1]](client, *queues)
