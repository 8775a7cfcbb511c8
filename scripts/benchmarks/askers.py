"""Askers: clients that are measured, each in a process of its own."""

from __future__ import annotations

import random
import threading
import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Callable, Dict, Iterator, List

from messaging import Connection, Request, Requester, Settings
from scripts.benchmarks.loops import HIDDEN, POLL, urls

Job = Callable[[], object]
LIST = "3,1,2,-17,100000,42"
TIMEOUT = 120
SENDERS = 16


def ours(names: Dict[str, Any], count: int) -> Job:
    """Prepare a requester that has asked once; it sends so many lists and reads all replies."""
    requester = _requester(names)

    def job() -> None:
        assert all(reply.ok for reply in requester.ask(_requests(count), TIMEOUT))

    return job


def one_by_one(names: Dict[str, Any], count: int) -> Job:
    """Prepare a requester that sends the next list when it has the reply; gives the times."""
    requester = _requester(names)
    return lambda: _timed(lambda: list(requester.ask(_requests(1), TIMEOUT)), count)


def many(names: Dict[str, Any], clients: int, count: int) -> Job:
    """Prepare several requesters, each with a session of its own, that ask at the same time."""

    def ask(_: int) -> None:
        with Requester(Connection(Settings(**names))) as requester:
            list(requester.ask(_requests(count), TIMEOUT))

    def job() -> None:
        with ThreadPoolExecutor(clients) as pool:
            list(pool.map(ask, range(clients)))

    return job


def bare(names: Dict[str, Any], count: int) -> Job:
    """Prepare two bare requests, send and receive, whose other half waits; gives the times."""
    sqs, inbox, outbox = _bare(names)

    def ask() -> None:
        sqs.send_message(QueueUrl=inbox, MessageBody=LIST)
        _receive(sqs, outbox)

    ask()
    return lambda: _timed(ask, count)


def four(names: Dict[str, Any], count: int) -> Job:
    """Prepare four bare requests, one after the other: send, receive, send, receive."""
    sqs, inbox, outbox = _bare(names)

    def ask() -> None:
        for url in (inbox, outbox):
            sqs.send_message(QueueUrl=url, MessageBody=LIST)
            _receive(sqs, url)

    ask()
    return lambda: _timed(ask, count)


def _receive(sqs: Any, url: str) -> None:
    options: Dict[str, Any] = {"QueueUrl": url, "VisibilityTimeout": HIDDEN}
    while not sqs.receive_message(**options, WaitTimeSeconds=POLL).get("Messages"):
        pass


def tutorial(names: Dict[str, Any], count: int) -> Job:
    """Prepare a client as a tutorial has it: send each list, then receive and delete each reply."""
    sqs, inbox, outbox = _bare(names)

    def job() -> None:
        for _ in range(count):
            sqs.send_message(QueueUrl=inbox, MessageBody=LIST, MessageAttributes=_mark())
        missing = count
        while missing:
            answer = sqs.receive_message(QueueUrl=outbox, WaitTimeSeconds=POLL)
            for message in answer.get("Messages", ()):
                sqs.delete_message(QueueUrl=outbox, ReceiptHandle=message["ReceiptHandle"])
                missing -= 1

    return job


def peer(names: Dict[str, Any], count: int, framework: str) -> Job:
    """Prepare a client of a framework: threads that send, and others that collect by tens."""
    from scripts.benchmarks import peers

    sqs, _, outbox = _bare(names)
    send = peers.sender(framework, names["input_queue"])
    send([LIST])
    collect(sqs, outbox, 1)

    def job() -> None:
        with ThreadPoolExecutor(SENDERS) as pool:
            sent = pool.map(send, [[LIST] * 10] * (count // 10))
            collect(sqs, outbox, count // 10 * 10)
            list(sent)

    return job


def bulk(names: Dict[str, Any], count: int) -> Job:
    """Prepare a worker's requests alone: put a log, send, receive and delete by tens."""
    import boto3

    sqs, inbox, outbox = _bare(names)
    s3 = boto3.client("s3", endpoint_url=names["endpoint_url"])
    s3.create_bucket(Bucket=names["bucket"])
    entries = [
        {"Id": str(position), "MessageBody": LIST, "MessageAttributes": _marks()}
        for position in range(10)
    ]
    for _ in range(count // 10):
        sqs.send_message_batch(QueueUrl=inbox, Entries=entries)

    def job() -> None:
        for number in range(count // 10):
            messages = sqs.receive_message(
                QueueUrl=inbox,
                MaxNumberOfMessages=10,
                MessageAttributeNames=["All"],
                AttributeNames=["All"],
            )["Messages"]
            s3.put_object(Bucket=names["bucket"], Key=f"logs/{number}", Body=b"log" * 700)
            sqs.send_message_batch(QueueUrl=outbox, Entries=entries)
            handles = [message["ReceiptHandle"] for message in messages]
            deletes = [{"Id": str(n), "ReceiptHandle": each} for n, each in enumerate(handles)]
            sqs.delete_message_batch(QueueUrl=inbox, Entries=deletes)

    return job


def collect(sqs: Any, queue: str, count: int) -> None:
    """Receive and delete so many messages by tens."""
    missing = count
    lock = threading.Lock()

    def lane() -> None:
        nonlocal missing
        while missing > 0:
            answer = sqs.receive_message(
                QueueUrl=queue, MaxNumberOfMessages=10, WaitTimeSeconds=1, VisibilityTimeout=HIDDEN
            )
            messages = answer.get("Messages", ())
            if messages:
                with lock:
                    missing -= len(messages)
                entries = [
                    {"Id": str(position), "ReceiptHandle": message["ReceiptHandle"]}
                    for position, message in enumerate(messages)
                ]
                sqs.delete_message_batch(QueueUrl=queue, Entries=entries)

    threads = [threading.Thread(target=lane) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _requester(names: Dict[str, Any]) -> Requester:
    requester = Requester(Connection(Settings(**names)))
    list(requester.ask(_requests(20), TIMEOUT))
    return requester


def _requests(count: int) -> Iterator[Request]:
    return (Request(LIST) for _ in range(count))


def _bare(names: Dict[str, Any]) -> Any:
    import boto3
    from botocore.config import Config

    config = Config(max_pool_connections=SENDERS + 4)
    sqs = boto3.client("sqs", endpoint_url=names["endpoint_url"], config=config)
    return (sqs, *urls(sqs, names["input_queue"], names["output_queue"]))


def _mark() -> Any:
    return {"CorrelationId": {"DataType": "String", "StringValue": uuid.uuid4().hex}}


def _marks() -> Any:
    """Make as many attributes as a request of ours has."""
    return {**_mark(), "ReplyTo": {"DataType": "String", "StringValue": "OutputQueue-" + "0" * 30}}


def _timed(ask: Callable[[], object], count: int) -> List[float]:
    """Pause between, so that no rhythm of the server's meets the same point each time."""
    times = []
    for _ in range(count):
        time.sleep(random.uniform(0, 0.2))
        started = time.perf_counter()
        ask()
        times.append(time.perf_counter() - started)
    return times
