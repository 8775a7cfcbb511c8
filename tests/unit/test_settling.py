"""What we have just made is waited for, for a minute at most; what others made is not."""

from types import SimpleNamespace
from typing import Any, Callable, Dict, Optional

import pytest

from messaging.aws.settling import Settling

MISSING = "AWS.SimpleQueueService.NonExistentQueue"
DELETED = "AWS.SimpleQueueService.QueueDeletedRecently"


class Client:
    """A client for SQS whose answers a test makes up; its hooks run as botocore runs them."""

    def __init__(self, settling: Settling, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 1000.0
        self._hooks: Dict[str, Callable[..., Any]] = {}
        monkeypatch.setattr("messaging.aws.settling.time.monotonic", lambda: self.now)
        events = SimpleNamespace(register=self._hooks.__setitem__)
        model = SimpleNamespace(service_name="sqs")
        settling.watch(SimpleNamespace(meta=SimpleNamespace(service_model=model, events=events)))

    def call(self, operation: str, queue: str, status: int = 200) -> Dict[str, Any]:
        """Make a call; return its context."""
        context: Dict[str, Any] = {}
        name = "QueueName" if operation == "CreateQueue" else "QueueUrl"
        hooks, value = self._hooks, queue if name == "QueueName" else f"http://x/1/{queue}"
        hooks["before-parameter-build.sqs"](params={name: value}, context=context)
        if operation == "DeleteQueue":
            hooks["before-call.sqs.DeleteQueue"](context=context)
        answer = SimpleNamespace(status_code=status)
        if operation == "CreateQueue":
            hooks["after-call.sqs.CreateQueue"](http_response=answer, context=context)
        model = SimpleNamespace(name=operation)
        hooks["after-call.sqs"](model=model, http_response=answer, context=context)
        return context

    def retry(
        self, context: Dict[str, Any], code: str, attempts: int = 1, message: str = ""
    ) -> Optional[float]:
        """Return the seconds after which botocore tries again, None if it gives up."""
        response = (None, {"Error": {"Code": code, "Message": message}})
        pause: Optional[float] = self._hooks["needs-retry.sqs"](
            response=response, attempts=attempts, request_dict={"context": context}
        )
        return pause


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch) -> Client:
    """A client whose clock only a test moves."""
    return Client(Settling(), monkeypatch)


def test_a_queue_just_made_is_waited_for_a_minute(client: Client) -> None:
    """The pauses double up to a second, and end when AWS's own minute is surely over."""
    client.call("CreateQueue", "ours")
    context = client.call("SendMessage", "ours", 400)

    pauses = [client.retry(context, MISSING, attempts) for attempts in (0, 1, 2, 5, 50)]
    assert pauses == [0.05, 0.1, 0.2, 1.0, 1.0]
    client.now += 61.9
    assert client.retry(context, MISSING) == 0.1
    client.now += 0.1
    assert client.retry(context, MISSING) is None


def test_a_queue_that_others_made_is_not_waited_for(client: Client) -> None:
    """Missing means missing, unless we made it, and have not deleted it."""
    assert client.retry(client.call("SendMessage", "theirs", 400), MISSING) is None
    assert client.retry(client.call("SendMessage", "theirs", 400), "AccessDenied") is None

    client.call("CreateQueue", "refused", 300)
    assert client.retry(client.call("SendMessage", "refused", 400), MISSING) is None

    client.call("CreateQueue", "ours")
    client.call("DeleteQueue", "ours")
    assert client.retry(client.call("SendMessage", "ours", 400), MISSING) is None


def test_a_queue_in_use_is_waited_for_a_little_longer(client: Client) -> None:
    """Once one of AWS's servers has known a queue, the others get five seconds."""
    client.call("CreateQueue", "ours")
    client.call("SendMessage", "ours")
    context = client.call("SendMessage", "ours", 400)

    client.now += 6.9
    assert client.retry(context, MISSING)
    client.now += 0.1
    assert client.retry(context, MISSING) is None


def test_a_queue_deleted_recently_is_told_once_and_waited_for(
    client: Client, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever waits for a name to be free is told why, once, and for a minute at most."""
    context = client.call("CreateQueue", "again", 400)
    for _ in range(3):
        assert client.retry(context, DELETED)
    client.now += 62
    assert client.retry(context, DELETED) is None

    assert [record.message.split(":")[0] for record in caplog.records] == [
        "again was deleted less than 60 s ago, and AWS makes it anew only after that"
    ]


def test_a_wait_that_takes_long_is_told(client: Client, caplog: pytest.LogCaptureFixture) -> None:
    """The first five seconds pass without a word."""
    client.call("CreateQueue", "ours")
    context = client.call("SendMessage", "ours", 400)

    client.now += 5
    client.retry(context, MISSING)
    assert not caplog.records
    client.now += 0.1
    client.retry(context, MISSING)
    assert "ours was made just now, and AWS does not know it everywhere yet" in caplog.text


def test_a_dead_letter_queue_just_made_is_waited_for(client: Client) -> None:
    """A queue that is to redrive to one of ours is refused until that is known everywhere."""
    told = (
        "Value for parameter RedrivePolicy is invalid. Reason: Dead letter target does not exist."
    )
    context = client.call("CreateQueue", "in", 400)
    assert client.retry(context, "InvalidParameterValue", message=told) is None

    client.call("CreateQueue", "in-dead-letter")
    assert client.retry(context, "InvalidParameterValue", message=told)
    assert client.retry(context, "InvalidParameterValue", message="another reason") is None
