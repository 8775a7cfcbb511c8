"""Askers: clients that are measured, each in a process of its own."""

import importlib
import os
import random
import tempfile
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from pathlib import Path
from typing import Any, Dict, List

from messaging import Connection, Request, Requester, Settings
from scripts.benchmarks import pictures
from scripts.benchmarks.peers import PEERS, POLL, THREADS, TUTORIAL, queue
from scripts.benchmarks.process import Job

LIST = "3,1,2,-17,100000,42"
TIMEOUT = 600  # seconds; also for what is received, so that it does not come again


def program(module: str, *words: str) -> Job:
    """Prepare a program of ours, loaded and with boto3; what it prints goes nowhere."""
    main = importlib.import_module(module).main
    importlib.import_module("boto3")

    def job() -> None:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            code = main([*words, "--timeout", str(TIMEOUT)])
        assert code == 0, f"{module} ended with exit code {code}"

    return job


def file(count: int, name: str = "") -> Job:
    """Prepare the program with so many lists of one to eight integers, one a line."""
    chance, path = random.Random(count), Path(tempfile.mkdtemp(), "lists.txt")
    with path.open("w") as lists:
        for _ in range(count):
            items = chance.choices(range(-(10**6), 10**6), k=chance.randint(1, 8))
            lists.write(",".join(map(str, items)) + "\n")
    return program("calculation.client", "--json", "--file", str(path))


def photos(count: int) -> Job:
    """Prepare the program for images with a folder of so many."""
    folder = tempfile.mkdtemp()
    for number in range(count):
        pictures.write(Path(folder, f"{number}.jpg"), 0.05)
    return program("image.client", "--output-dir", tempfile.mkdtemp(), folder)


def ours(count: int, name: str = "") -> Job:
    """Prepare a requester that sends lists, one a message, and reads all replies."""
    nouns = "INPUT_QUEUE", "OUTPUT_QUEUE", "BUCKET"
    settings = Settings(*(os.environ[f"CALCULATION_{noun}"] for noun in nouns))
    requester = Requester(Connection(settings))

    def ask(count: int) -> None:
        replies = requester.ask((Request(LIST) for _ in range(count)), TIMEOUT)
        assert all(reply.ok for reply in list(replies)), "a list was refused"

    ask(1)
    return lambda: ask(count)


def tutorial(count: int, name: str) -> Job:
    """Prepare a client as a tutorial has it: send each list, then receive and delete each reply."""
    send, (sqs, _, url) = PEERS[TUTORIAL](len)[0], queue("OUTPUT")

    def job() -> None:
        send([LIST] * count)
        for _ in range(count):
            (message,) = _receive(sqs, url, 1)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    return job


def peer(count: int, name: str) -> Job:
    """Prepare a client of a framework: threads that send by tens, and one that only receives."""
    send, (sqs, _, url) = PEERS[name](len)[0], queue("OUTPUT")
    send([LIST])
    _receive(sqs, url, 1)

    def job() -> None:
        missing = count
        with ThreadPoolExecutor(THREADS) as pool:
            sent = pool.map(send, [[LIST] * 10] * (count // 10))
            while missing > 0:
                missing -= len(_receive(sqs, url, 10))
            list(sent)

    return job


def _receive(sqs: Any, url: str, most: int) -> List[Dict[str, str]]:
    """Receive what there is, and hide it for long."""
    options = {"WaitTimeSeconds": POLL, "MaxNumberOfMessages": most, "VisibilityTimeout": TIMEOUT}
    messages: List[Dict[str, str]] = []
    while not messages:
        messages = sqs.receive_message(QueueUrl=url, **options).get("Messages", [])
    return messages
