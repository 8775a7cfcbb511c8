"""Peers: frameworks for work over SQS, at the best settings we know, and a tutorial's loop.

None of them replies by itself, so the handler sends its reply with boto3, as one would. As a
program this is a worker: `python3 -m scripts.benchmarks.peers PEER`.
"""

import importlib
import os
import sys
import threading
from functools import partial
from typing import Any, Callable, Dict, List, Tuple

Act = Callable[[List[str]], object]
Pair = Tuple[Act, Callable[[], object]]  # sends lists, thread-safe; runs the worker for ever
THREADS = 16
POLL = 20  # seconds, SQS's longest
JOB, TUTORIAL = "summarise", "tutorial loop"


def queue(noun: str) -> Any:
    """Return an SQS client, and a queue's name and URL; creates it if it is missing."""
    import boto3
    from botocore.config import Config

    sqs = boto3.client("sqs", config=Config(max_pool_connections=2 * THREADS))
    name = os.environ[f"CALCULATION_{noun}_QUEUE"]
    return sqs, name, sqs.create_queue(QueueName=name)["QueueUrl"]


def serve(peer: str) -> None:
    """Run a peer's worker for ever."""
    from calculation.summary import summarise

    sqs, _, url = queue("OUTPUT")

    def reply(texts: List[str]) -> None:
        answers = [summarise(text).to_json() for text in texts]
        entries = [{"Id": str(at), "MessageBody": answer} for at, answer in enumerate(answers)]
        sqs.send_message_batch(QueueUrl=url, Entries=entries)

    PEERS[peer](reply)[1]()


def _tutorial(reply: Act) -> Pair:
    """Return a tutorial's pair: receive a message, handle it, send the reply, delete it."""
    sqs, _, url = queue("INPUT")

    def work() -> None:
        _ready()
        while True:
            answer = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=POLL)
            for message in answer.get("Messages", ()):
                reply([message["Body"]])
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])

    return lambda texts: [sqs.send_message(QueueUrl=url, MessageBody=text) for text in texts], work


def _workers(reply: Act) -> Pair:
    """Return the pair of sqs-workers, which sends and receives ten at a time."""
    library: Any = importlib.import_module("sqs_workers")
    batching: Any = importlib.import_module("sqs_workers.batching")
    policy, own, name = batching.BatchMessages(batch_size=10), threading.local(), queue("INPUT")[1]

    def mine() -> Any:
        if not hasattr(own, "queue"):  # its batches are not thread-safe
            own.queue = library.SQSEnv(codec="json").queue(name, batching_policy=policy)
        return own.queue

    def send(texts: List[str]) -> None:
        with mine().add_batch():
            for text in texts:
                mine().add_job(JOB, text=text)

    def work() -> None:
        mine().connect_processor(JOB, lambda messages: reply([each["text"] for each in messages]))
        _ready()
        mine().process_queue(wait_second=POLL)

    return send, work


def _celery(reply: Act) -> Pair:
    library: Any = importlib.import_module("celery")
    signals: Any = importlib.import_module("celery.signals")
    _, name, url = queue("INPUT")
    known = {name: {"url": url, "access_key_id": "local", "secret_access_key": "local"}}
    options: Dict[str, Any] = {"region": os.environ["AWS_DEFAULT_REGION"], "is_secure": False}
    options.update(wait_time_seconds=POLL, polling_interval=0, predefined_queues=known)
    app = library.Celery(broker=f"sqs://local:local@{os.environ['AWS_ENDPOINT_URL'][7:]}")
    app.conf.update(task_default_queue=name, task_ignore_result=True, worker_prefetch_multiplier=4)
    app.conf.update(broker_transport_options=options, broker_connection_retry_on_startup=True)
    app.conf.update(worker_enable_remote_control=False)

    def handle(text: str) -> None:
        reply([text])

    app.task(name=JOB)(handle)
    signals.worker_ready.connect(_ready, weak=False)
    pool = ["--pool", "threads", "--concurrency", str(THREADS), "--loglevel", "ERROR"]
    work = partial(app.worker_main, ["worker", *pool, "--without-gossip", "--without-mingle"])
    return lambda texts: [app.send_task(JOB, (text,), queue=name) for text in texts], work


def _dramatiq(reply: Act) -> Pair:
    dramatiq: Any = importlib.import_module("dramatiq")
    library: Any = importlib.import_module("dramatiq_sqs")
    sqs, name, _ = queue("INPUT")
    broker = library.SQSBroker(middleware=[], config=sqs.meta.config)
    dramatiq.set_broker(broker)
    job = dramatiq.actor(actor_name=JOB, queue_name=name)(lambda text: reply([text]))

    def work() -> None:
        dramatiq.Worker(broker, worker_threads=THREADS).start()
        _ready()
        threading.Event().wait()

    return lambda texts: [job.send(text) for text in texts], work


def _ready(**_: object) -> None:
    print("ready", file=sys.__stderr__, flush=True)  # Celery takes sys.stderr for its log


PEERS = {TUTORIAL: _tutorial, "sqs-workers": _workers, "Celery": _celery, "dramatiq": _dramatiq}

if __name__ == "__main__":
    serve(*sys.argv[1:])
