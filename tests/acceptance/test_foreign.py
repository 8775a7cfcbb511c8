"""Third parties' programs, written from messaging/README.md alone, work with ours."""

import json
import threading
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Dict, Iterator

import boto3
import pytest

from messaging.aws.buckets import open_bucket
from tests.conftest import ROOT, Place

from . import foreign

MOON = ROOT / "image" / "Moon.jpg"


@pytest.fixture
def session(place: Place) -> Any:
    """A boto3 session as anybody would use it."""
    return boto3.Session(region_name="us-east-1")


@pytest.fixture
def names(place: Place) -> Dict[str, str]:
    """The names of queues and a bucket that exist."""
    open_bucket(place.connection.storage(""))
    inbox, outbox = place.inbox(), place.outbox()
    return {"input": inbox.name, "output": outbox.name, "bucket": str(place.settings.bucket)}


@contextmanager
def foreign_worker(session: Any, part: str, names: Dict[str, str]) -> Iterator[None]:
    """A third party's worker, running."""
    stop = threading.Event()
    thread = threading.Thread(target=foreign.worker, args=(session, part, names, stop))
    thread.start()
    yield
    stop.set()
    thread.join()


def test_a_foreign_worker_answers_lists(
    place: Place, session: Any, names: Dict[str, str], tmp_path: Path
) -> None:
    """Our client shows a foreign worker's results for short and long lists, as far as they go."""
    (tmp_path / "lists.txt").write_text("3,1,2\n" + ",".join(map(str, range(60_000))) + "\n")
    with foreign_worker(session, "calculation", names):
        done = place.client("--file", str(tmp_path / "lists.txt"), "--json")
        shown = place.client("3,1,2")

    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [each["count"] for each in answers] == [3, 60_000], done.stderr
    assert shown.stdout.split() == [
        "count",
        "3",
        "min",
        "1",
        "max",
        "3",
        "median",
        "2",
        "mean",
        "2",
    ]


def test_a_foreign_worker_answers_images(
    place: Place, session: Any, names: Dict[str, str], tmp_path: Path
) -> None:
    """Our client downloads the version that a foreign worker names, and shows why it refuses."""
    target = tmp_path / "moon.jpg"
    with foreign_worker(session, "image", names):
        done = place.client(str(MOON), "--output", str(target), module="image.client")
        refused = place.client(str(MOON), "--gamma", "3", "--no-download", module="image.client")

    assert done.returncode == 0, done.stderr
    assert target.read_bytes() == MOON.read_bytes()
    assert refused.returncode == 1
    assert "gamma 3 is not done here" in refused.stderr


def test_a_foreign_client_gets_its_list_summarised(
    place: Place, session: Any, names: Dict[str, str]
) -> None:
    """A foreign client gets results and refusals, for lists in the message and in the bucket."""
    place.worker()
    put = session.client("s3").put_object(
        Bucket=names["bucket"], Key="payloads/mine/1", Body=b"3,1,2", ContentType="text/plain"
    )
    checked = {"PayloadKey": "payloads/mine/1", "PayloadETag": put["ETag"]}

    answer = foreign.ask(session, names, "3,1,2")
    assert json.loads(answer["body"]) == {"count": 3, "min": 1, "max": 3, "median": 2, "mean": 2.0}
    assert "result" in place.read(answer["LogKey"])
    assert foreign.ask(session, names, "see the bucket", **checked)["body"] == answer["body"]
    refusal = foreign.ask(session, names, "1," * 3000 + "x")
    assert (refusal["Status"], len(refusal["body"]) <= 1000) == ("error", True)


def test_a_list_replaced_on_its_way_is_refused(
    place: Place, session: Any, names: Dict[str, str]
) -> None:
    """A payload that is not the version the request names is refused."""
    place.worker()
    old, new = (
        session.client("s3").put_object(Bucket=names["bucket"], Key="payloads/mine/1", Body=body)
        for body in (b"3,1,2", b"9,9,9")
    )
    assert old["ETag"] != new["ETag"]

    answer = foreign.ask(
        session, names, "see the bucket", PayloadKey="payloads/mine/1", PayloadETag=old["ETag"]
    )

    assert answer["Status"] == "error"
    assert answer["body"] == "'payloads/mine/1' was replaced by somebody meanwhile"


def test_a_foreign_client_has_its_image_processed(
    place: Place, session: Any, names: Dict[str, str]
) -> None:
    """A foreign client names operation and values, and is told the result's key and version."""
    place.worker("gamma", module="image.worker")
    s3 = session.client("s3")
    put = s3.put_object(Bucket=names["bucket"], Key="Moon.jpg", Body=MOON.read_bytes())
    wanted = json.dumps({"operation": "contrast", "exponent": 2})

    answer = foreign.ask(session, names, "Moon.jpg", ETag=put["ETag"], Parameters=wanted)
    assert (answer["Status"], answer["body"]) == ("ok", "Moonprocessed.jpg")
    s3.get_object(Bucket=names["bucket"], Key=answer["body"], IfMatch=answer["ETag"])
    assert "contrast {'exponent': 2}" in place.read(answer["LogKey"])

    answer = foreign.ask(session, names, "Moon.jpg", Parameters='{"exponent": 2}')
    assert (answer["Status"], "no parameter 'exponent'" in answer["body"]) == ("error", True)
