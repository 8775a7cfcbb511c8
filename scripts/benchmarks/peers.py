"""Peers: frameworks for work over SQS, each with a worker at the best settings we know.

None of them answers by itself, so the handler sends its reply with boto3, as one would. Run as a
program it is a worker: `python3 -m scripts.benchmarks.peers FRAMEWORK IN OUT`.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
import sys
import threading
import uuid
from typing import Any, Callable, Dict, List

from scripts.benchmarks.loops import summary, urls

Send = Callable[[List[str]], object]
THREADS = 16
MODULES = {"sqs-workers": "sqs_workers", "Celery": "celery", "dramatiq_sqs": "dramatiq_sqs"}
JOB = "summarise"


def installed() -> List[str]:
    """Name the frameworks that are there."""
    return [name for name, module in MODULES.items() if importlib.util.find_spec(module)]


def serve(framework: str, inbox: str, outbox: str) -> None:
    """Work for ever."""
    workers = {"sqs-workers": _serve_sqs_workers, "Celery": _serve_celery}
    workers.get(framework, _serve_dramatiq)(inbox, outbox)


def sender(framework: str, inbox: str) -> Send:
    """Give the framework's own way to send lists; to be called by several threads."""
    senders = {"sqs-workers": _send_sqs_workers, "Celery": _send_celery}
    return senders.get(framework, _send_dramatiq)(inbox)


def _config() -> Any:
    from botocore.config import Config

    return Config(max_pool_connections=2 * THREADS)


def _replier(outbox: str) -> Callable[[List[str]], None]:
    import boto3

    sqs = boto3.client("sqs", config=_config())
    (url,) = urls(sqs, outbox)

    def reply(texts: List[str]) -> None:
        if len(texts) == 1:
            sqs.send_message(QueueUrl=url, MessageBody=summary(texts[0]))
            return
        answers: Any = [{"Id": uuid.uuid4().hex, "MessageBody": summary(text)} for text in texts]
        sqs.send_message_batch(QueueUrl=url, Entries=answers)

    return reply


def _sqs_workers(inbox: str) -> Any:
    """Make a queue of sqs-workers, which takes and gives by tens when told to."""
    library: Any = importlib.import_module("sqs_workers")
    batching: Any = importlib.import_module("sqs_workers.batching")
    return library.SQSEnv(codec="json").queue(
        inbox, batching_policy=batching.BatchMessages(batch_size=10)
    )


def _serve_sqs_workers(inbox: str, outbox: str) -> None:
    queue, reply = _sqs_workers(inbox), _replier(outbox)

    def handle(messages: List[Dict[str, str]]) -> None:
        reply([message["text"] for message in messages])

    queue.connect_processor(JOB, handle)
    _ready()
    queue.process_queue(wait_second=20)


def _send_sqs_workers(inbox: str) -> Send:
    own = threading.local()

    def send(texts: List[str]) -> None:
        if not hasattr(own, "queue"):  # its batches are not for several threads
            own.queue = _sqs_workers(inbox)
        with own.queue.add_batch():
            for text in texts:
                own.queue.add_job(JOB, text=text)

    return send


def _celery(inbox: str) -> Any:
    import boto3

    library: Any = importlib.import_module("celery")
    (url,) = urls(boto3.client("sqs"), inbox)
    address = os.environ["AWS_ENDPOINT_URL"].split("//", 1)[1]
    app = library.Celery(broker=f"sqs://local:local@{address}")
    app.conf.update(
        task_default_queue=inbox,
        task_ignore_result=True,
        worker_prefetch_multiplier=4,
        worker_enable_remote_control=False,
        broker_connection_retry_on_startup=True,
        broker_transport_options={
            "region": os.environ["AWS_DEFAULT_REGION"],
            "is_secure": False,
            "wait_time_seconds": 20,
            "polling_interval": 0,
            "predefined_queues": {
                inbox: {"url": url, "access_key_id": "local", "secret_access_key": "local"}
            },
        },
    )
    return app


def _serve_celery(inbox: str, outbox: str) -> None:
    app, reply = _celery(inbox), _replier(outbox)

    def handle(text: str) -> None:
        reply([text])

    app.task(name=JOB)(handle)
    signals: Any = importlib.import_module("celery.signals")
    signals.worker_ready.connect(lambda **_: _ready(), weak=False)
    options = ["--pool", "threads", "--concurrency", str(THREADS), "--loglevel", "ERROR"]
    app.worker_main(["worker", *options, "--without-gossip", "--without-mingle"])


def _send_celery(inbox: str) -> Send:
    app = _celery(inbox)
    return lambda texts: [app.send_task(JOB, (text,), queue=inbox) for text in texts]


def _dramatiq(inbox: str, reply: Callable[[List[str]], None]) -> Any:
    dramatiq: Any = importlib.import_module("dramatiq")
    library: Any = importlib.import_module("dramatiq_sqs")
    broker = library.SQSBroker(middleware=[], config=_config())
    dramatiq.set_broker(broker)
    actor = dramatiq.actor(actor_name=JOB, queue_name=inbox)(lambda text: reply([text]))
    return broker, actor


def _serve_dramatiq(inbox: str, outbox: str) -> None:
    broker, _ = _dramatiq(inbox, _replier(outbox))
    dramatiq: Any = importlib.import_module("dramatiq")
    worker = dramatiq.Worker(broker, worker_threads=THREADS)
    worker.start()
    _ready()
    worker.join()
    threading.Event().wait()


def _send_dramatiq(inbox: str) -> Send:
    _, actor = _dramatiq(inbox, lambda texts: None)
    return lambda texts: [actor.send(text) for text in texts]


def _ready() -> None:
    print("ready", file=sys.__stderr__, flush=True)  # Celery takes sys.stderr for its log


if __name__ == "__main__":
    serve(*sys.argv[1:])
