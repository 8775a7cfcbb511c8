"""Makes, watches, mends and deletes what the programs use in AWS."""

from __future__ import annotations

import os
import sys

if not __package__:  # run as a file: import from the repository, not from this folder
    sys.path[0] = os.path.dirname(os.path.dirname(os.path.realpath(__file__)))

import argparse
import json
import time
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any, Callable, Dict, Iterator, List, Mapping, Optional, Sequence

import calculation
import image
from messaging import Connection, Settings
from messaging.aws.making import DEAD_LETTER, complete_bucket, complete_queue, open_queue
from messaging.aws.queues import MAX_BATCH, Queue
from messaging.aws.trouble import AWS_ERRORS, is_missing_queue
from messaging.console import commandline, program
from messaging.requester import reply_queue
from messaging.wire.delivery import Delivery
from messaging.wire.envelope import Message

EXAMPLES = """\
examples, for both pairs unless one is named:
  python3 scripts/manage.py create
  python3 scripts/manage.py status --watch
  python3 scripts/manage.py redrive calculation --dry-run
  python3 scripts/manage.py sweep --older-than 48
  python3 scripts/manage.py delete image

Names are those of the programs, or what CALCULATION_INPUT_QUEUE and so on say.
"""
PARTS: Dict[str, Mapping[str, str]] = {"calculation": calculation.NAMES, "image": image.NAMES}
HIDDEN = 60  # seconds that a dead letter is hidden while it is moved
COUNTS = {
    "waiting": "ApproximateNumberOfMessages",
    "in flight": "ApproximateNumberOfMessagesNotVisible",
}
Row = Dict[str, Any]


@dataclass(frozen=True)
class Part:
    """The queues and the bucket of one pair of programs."""

    name: str
    connection: Connection

    def queue(self, name: str) -> Optional[Queue]:
        """Give a queue if it exists."""
        try:
            url = self.connection.sqs.get_queue_url(QueueName=name)["QueueUrl"]
            return Queue(self.connection.sqs, url)
        except AWS_ERRORS as error:
            if is_missing_queue(error):
                return None
            raise

    def names(self) -> List[str]:
        """Give the names of the input queue, its dead-letter queue and the output queue."""
        inbox, outbox = self.connection.settings.input_queue, self.connection.settings.output_queue
        return [inbox, inbox + DEAD_LETTER, outbox]

    def reply_queues(self) -> List[Queue]:
        """Give the private reply queues there are."""
        connection = self.connection
        return list(reply_queue.existing(connection.sqs, connection.settings.output_queue))


def create(part: Part, options: argparse.Namespace) -> Iterator[Row]:
    """Make the queues and the bucket, and complete what is there but not finished."""
    inbox = open_queue(part.connection.sqs, part.connection.settings.input_queue, dead_letter=True)
    outbox = open_queue(part.connection.sqs, part.connection.settings.output_queue)
    storage = part.connection.storage(inbox.account)
    complete_queue(inbox)
    complete_bucket(storage)
    for kind, name in (("queue", inbox.name), ("queue", outbox.name), ("bucket", storage.bucket)):
        yield {"part": part.name, "kind": kind, "name": name, "state": "there"}


def status(part: Part, options: argparse.Namespace) -> Iterator[Row]:
    """Count the messages of each queue, and tell the age of the oldest."""
    for name in part.names():
        queue = part.queue(name)
        numbers: Row = dict(_numbers(queue)) if queue else dict.fromkeys(COUNTS, "-")
        yield {"queue": name, **numbers, "oldest": _age_of_oldest(part, name) if queue else "-"}
    waiting = [_numbers(queue) for queue in part.reply_queues()]
    totals = {column: sum(numbers[column] for numbers in waiting) for column in COUNTS}
    label = f"{part.connection.settings.output_queue}-... ({len(waiting)} reply queues)"
    yield {"queue": label, **totals, "oldest": "-"}


def redrive(part: Part, options: argparse.Namespace) -> Iterator[Row]:
    """Move the messages of the dead-letter queue back to their queue."""
    inbox, dead = (part.queue(name) for name in part.names()[:2])
    if inbox is None or dead is None:
        yield {"part": part.name, "moved": 0, "left": 0}
        return
    moved = 0
    while not options.dry_run:
        deliveries = dead.receive(MAX_BATCH, 1, HIDDEN)
        if not deliveries:
            break
        failures = inbox.send([_again(delivery) for delivery in deliveries])
        sent = [each for position, each in enumerate(deliveries) if position not in failures]
        dead.delete(sent)
        moved += len(sent)
    yield {"part": part.name, "moved": moved, "left": sum(_numbers(dead).values())}


def sweep(part: Part, options: argparse.Namespace) -> Iterator[Row]:
    """Delete the private reply queues that crashed clients left behind."""
    age = timedelta(hours=options.older_than)
    for name in reply_queue.sweep(part.connection.sqs, part.connection.settings.output_queue, age):
        yield {"part": part.name, "swept": name}


def delete(part: Part, options: argparse.Namespace) -> Iterator[Row]:
    """Delete all queues, and the bucket with all that is in it."""
    found = [queue for queue in map(part.queue, part.names()) if queue] + part.reply_queues()
    if not found:
        return
    storage = part.connection.storage(found[0].account)
    if not options.yes and not _agreed([*(queue.name for queue in found), storage.bucket]):
        return
    for queue in found:
        part.connection.sqs.delete_queue(QueueUrl=queue.url)
        yield {"part": part.name, "deleted": queue.name}
    if storage.delete():
        yield {"part": part.name, "deleted": storage.bucket}


def main(arguments: List[str]) -> int:
    """Carry out a command; give the exit code."""
    options = _parser().parse_args(arguments)
    while True:
        rows = [row for name in options.parts or PARTS for row in _rows(name, options)]
        _show(rows, options)
        if not getattr(options, "watch", False):
            return program.DONE
        time.sleep(options.interval)


def _parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        description=__doc__, epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = made.add_subparsers(metavar="COMMAND", required=True)
    for command in (create, status, redrive, sweep, delete):
        text = str(command.__doc__)
        one = commands.add_parser(command.__name__, help=text, description=text)
        one.set_defaults(command=command)
        one.add_argument("parts", nargs="*", type=_part, metavar="PART", help=" or ".join(PARTS))
        one.add_argument("--json", action="store_true", help="print a JSON object a row")
        commandline.add_aws_options(one)
        _add_own(one, command)
    return made


def _part(text: str) -> str:
    if text not in PARTS:
        raise argparse.ArgumentTypeError(f"there is no part {text!r}: there are {', '.join(PARTS)}")
    return text


def _add_own(parser: argparse.ArgumentParser, command: Callable[..., Any]) -> None:
    if command is status:
        parser.add_argument("--watch", action="store_true", help="again and again, until Ctrl-C")
        parser.add_argument("--interval", type=commandline.seconds, default=5.0, metavar="SECONDS")
    elif command is redrive:
        parser.add_argument("--dry-run", action="store_true", help="only count what would move")
    elif command is sweep:
        hours = reply_queue.ORPHAN_AGE.total_seconds() / 3600
        parser.add_argument(
            "--older-than", type=float, default=hours, metavar="HOURS", help="(%(default)g)"
        )
    elif command is delete:
        parser.add_argument("--yes", action="store_true", help="do not ask")


def _rows(name: str, options: argparse.Namespace) -> Iterator[Row]:
    queues, variable = PARTS[name], f"{name.upper()}_"
    settings = Settings(
        os.environ.get(f"{variable}INPUT_QUEUE") or queues["input_queue"],
        os.environ.get(f"{variable}OUTPUT_QUEUE") or queues["output_queue"],
        os.environ.get(f"{variable}BUCKET"),
        options.profile,
        options.region,
        options.endpoint_url,
    )
    rows: Iterator[Row] = options.command(Part(name, Connection(settings)), options)
    return rows


def _numbers(queue: Queue) -> Dict[str, int]:
    call: Any = queue.sqs.get_queue_attributes
    answer = call(QueueUrl=queue.url, AttributeNames=list(COUNTS.values()))["Attributes"]
    return {column: int(answer[name]) for column, name in COUNTS.items()}


def _age_of_oldest(part: Part, name: str) -> str:
    """Give the age in seconds that CloudWatch knows; SQS itself does not tell it."""
    now = datetime.now(timezone.utc)
    try:
        answer = part.connection.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/SQS",
            MetricName="ApproximateAgeOfOldestMessage",
            Dimensions=[{"Name": "QueueName", "Value": name}],
            StartTime=now - timedelta(minutes=15),
            EndTime=now,
            Period=60,
            Statistics=["Maximum"],
        )
    except AWS_ERRORS:
        return "-"
    points = sorted(answer["Datapoints"], key=lambda point: str(point["Timestamp"]))
    return f"{points[-1]['Maximum']:.0f} s" if points else "-"


def _again(delivery: Delivery) -> Message:
    """Write a message as it was; one without a correlation id keeps its old message id as such."""
    attributes = {"CorrelationId": {"DataType": "String", "StringValue": delivery.message_id}}
    attributes.update(delivery.attributes)
    return {"MessageBody": delivery.body, "MessageAttributes": attributes}


def _agreed(names: Sequence[str]) -> bool:
    print("This deletes, with all that is in them:", *names, sep="\n  ", file=sys.stderr)
    print("Type delete to go on: ", end="", file=sys.stderr, flush=True)
    return sys.stdin.readline().strip() == "delete"


def _show(rows: Sequence[Row], options: argparse.Namespace) -> None:
    if options.json:
        for row in rows:
            print(json.dumps(row))
    elif rows:
        table = [list(rows[0]), *([str(value) for value in row.values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*table)]
        pads = [str.rjust if isinstance(cell, int) else str.ljust for cell in rows[-1].values()]
        for cells in table:
            padded = (pad(cell, width) for pad, cell, width in zip(pads, cells, widths))
            print("  ".join(padded).rstrip())
    else:
        print("nothing done")


if __name__ == "__main__":
    program.run(main)
