"""A worker and a client of a third party, written from messaging/README.md with boto3 alone."""

import json
import posixpath
import secrets
import statistics
import threading
import time
from typing import Any, Dict, Optional


def strings(values: Dict[str, Optional[str]]) -> Any:
    """Return message attributes for the values that are not None."""
    given = {name: value for name, value in values.items() if value is not None}
    return {name: {"DataType": "String", "StringValue": text} for name, text in given.items()}


def worker(aws: Any, part: str, names: Dict[str, str], stop: threading.Event) -> None:
    """Answer requests until told to stop: lists with their summary, images with a copy."""
    sqs, s3 = aws.client("sqs"), aws.client("s3")
    inbox = sqs.get_queue_url(QueueName=names["input"])["QueueUrl"]
    asked = {"QueueUrl": inbox, "WaitTimeSeconds": 1, "MessageAttributeNames": ["All"]}
    while not stop.is_set():
        for message in sqs.receive_message(**asked).get("Messages", ()):
            attributes = message.get("MessageAttributes", {})
            said = {name: each["StringValue"] for name, each in attributes.items()}
            try:
                body, etag = WORK[part](s3, names["bucket"], message["Body"], said)
                status = "ok"
            except ValueError as error:
                body, etag, status = str(error)[:1000], None, "error"
            answer = {"CorrelationId": said.get("CorrelationId", message["MessageId"])}
            sqs.send_message(
                QueueUrl=sqs.get_queue_url(QueueName=said.get("ReplyTo", names["output"]))[
                    "QueueUrl"
                ],
                MessageBody=body,
                MessageAttributes=strings({**answer, "Status": status, "ETag": etag}),
            )
            sqs.delete_message(QueueUrl=inbox, ReceiptHandle=message["ReceiptHandle"])


def summarise(s3: Any, bucket: str, body: str, said: Dict[str, str]) -> Any:
    """Return the summary of a list, which may be in the bucket."""
    if "PayloadKey" in said:
        version = {"IfMatch": said["PayloadETag"]} if "PayloadETag" in said else {}
        answer = s3.get_object(Bucket=bucket, Key=said["PayloadKey"], **version)
        body = answer["Body"].read().decode()
    numbers = [int(item) for item in body.split(",")]
    median = statistics.median(numbers)
    summary = {"count": len(numbers), "min": min(numbers), "max": max(numbers), "median": median}
    return json.dumps({**summary, "mean": statistics.fmean(numbers), "mode": numbers[0]}), None


def copy(s3: Any, bucket: str, key: str, said: Dict[str, str]) -> Any:
    """Copy an image to the key of its result; refuses gamma 3, so that something is refused."""
    if json.loads(said.get("Parameters", "{}")).get("gamma") == 3:
        raise ValueError("gamma 3 is not done here")
    stem, extension = posixpath.splitext(key)
    target = f"{stem}processed{extension}"
    data = s3.get_object(Bucket=bucket, Key=key, IfMatch=said["ETag"])["Body"].read()
    return target, s3.put_object(Bucket=bucket, Key=target, Body=data)["ETag"]


WORK = {"calculation": summarise, "image": copy}


def ask(aws: Any, names: Dict[str, str], body: str, **attributes: Optional[str]) -> Dict[str, str]:
    """Send a request and wait for its reply; return the reply's attributes and body."""
    sqs, mine = aws.client("sqs"), secrets.token_hex(16)
    stamp = time.strftime("%Y%m%dT%H%M", time.gmtime())
    reply_to = f"{names['output']}-{stamp}-{secrets.token_hex(8)}"
    outbox = sqs.create_queue(QueueName=reply_to)["QueueUrl"]
    time.sleep(1)  # AWS may not know it sooner
    sqs.send_message(
        QueueUrl=sqs.get_queue_url(QueueName=names["input"])["QueueUrl"],
        MessageBody=body,
        MessageAttributes=strings({"CorrelationId": mine, "ReplyTo": reply_to, **attributes}),
    )
    asked = {"QueueUrl": outbox, "WaitTimeSeconds": 20, "MessageAttributeNames": ["All"]}
    for message in sqs.receive_message(**asked)["Messages"]:
        said = {name: each["StringValue"] for name, each in message["MessageAttributes"].items()}
        if said["CorrelationId"] == mine:
            sqs.delete_queue(QueueUrl=outbox)
            return {**said, "body": message["Body"]}
    raise TimeoutError("no reply in 20 s")
