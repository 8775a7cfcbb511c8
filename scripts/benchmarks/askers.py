"""Askers: the clients that are measured, each in a process of its own."""

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
TIMEOUT = 600  # seconds; shorter than a measurement, lists would be refused or replies come twice


def program(module: str, *words: str) -> Job:
    """Prepare one of our programs, with its imports done and its output discarded."""
    main = importlib.import_module(module).main
    importlib.import_module("boto3")

    def job() -> None:
        with open(os.devnull, "w") as nowhere, redirect_stdout(nowhere):
            code = main([*words, "--timeout", str(TIMEOUT)])
        assert code == 0, f"{module} ended with exit code {code}"

    return job


def file(count: int, name: str = "") -> Job:
    """Prepare the client with a file of `count` lists of one to eight integers."""
    chance, path = random.Random(count), Path(tempfile.mkdtemp(), "lists.txt")
    with path.open("w") as lists:
        for _ in range(count):
            items = chance.choices(range(-(10**6), 10**6), k=chance.randint(1, 8))
            lists.write(",".join(map(str, items)) + "\n")
    return program("calculation.client", "--json", "--file", str(path))


def photos(count: int) -> Job:
    """Prepare the image client with a folder of `count` images."""
    folder = tempfile.mkdtemp()
    for number in range(count):
        pictures.write(Path(folder, f"{number}.jpg"), 0.05)
    return program("image.client", "--output-dir", tempfile.mkdtemp(), folder)


def ours(count: int, name: str = "") -> Job:
    """Prepare a Requester that sends `count` lists, one per message, and reads all replies."""
    nouns = "INPUT_QUEUE", "OUTPUT_QUEUE", "BUCKET"
    settings = Settings(*(os.environ[f"CALCULATION_{noun}"] for noun in nouns))
    requester = Requester(Connection(settings))

    def ask(count: int) -> None:
        replies = requester.ask((Request(LIST) for _ in range(count)), TIMEOUT)
        assert all(reply.ok for reply in list(replies)), "a list was refused"

    ask(1)
    return lambda: ask(count)


def tutorial(count: int, name: str) -> Job:
    """Prepare a tutorial's client: send each list, then receive and delete each reply."""
    send, (sqs, _, url) = PEERS[TUTORIAL](len)[0], queue("OUTPUT")

    def job() -> None:
        send([LIST] * count)
        for _ in range(count):
            (message,) = _receive(sqs, url, 1)
            sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    return job


def peer(count: int, name: str) -> Job:
    """Prepare a framework's client: threads that send ten at a time, and one that receives."""
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
    """Block until there are messages, and hide them for the rest of the measurement."""
    options = {"WaitTimeSeconds": POLL, "MaxNumberOfMessages": most, "VisibilityTimeout": TIMEOUT}
    messages: List[Dict[str, str]] = []
    while not messages:
        messages = sqs.receive_message(QueueUrl=url, **options).get("Messages", [])
    return messages
