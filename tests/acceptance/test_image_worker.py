"""The image worker as seen by any program."""

from typing import Any, List

import pytest

from tests.conftest import ROOT, Place, take

WORKER = "image.worker"


def requests(place: Place, bodies: List[str], **attributes: str) -> List[Any]:
    """Send requests for images by hand; return the replies."""
    for body in bodies:
        place.send(body, **attributes)
    replies: List[Any] = []
    while len(replies) < len(bodies):
        replies += take(place.outbox())
    return replies


@pytest.mark.parametrize(
    ("body", "attributes", "reason"),
    [
        ("none.jpg", {}, "there is no object 'none.jpg'"),
        ("logs/x", {}, "which is reserved"),
        ("payloads/x", {}, "which is reserved"),
        ("a/../logs/x", {}, "one that is `.` or `..`"),
        ("Moon.jpg", {"Parameters": '{"operation": "blur"}'}, "there is no operation 'blur'"),
        ("Moon.jpg", {"Parameters": '{"gamma": 11}'}, "gamma must be from 0.1 to 10, not 11"),
        ("Moon.jpg", {"Parameters": '{"gama": 1}'}, "gamma has no parameter 'gama'"),
        ("Moon.jpg", {"ETag": '"other"'}, "'Moon.jpg' was replaced by somebody meanwhile"),
        ("big.jpg", {}, "'big.jpg' has 2,000 bytes; at most 1,999 are allowed"),
    ],
)
def test_what_cannot_be_processed_is_refused(
    place: Place, body: str, attributes: Any, reason: str
) -> None:
    """The sender is told what was wrong, and no result is stored."""
    place.worker("gamma", "--max-bytes", "1999", module=WORKER)
    for key, size in (("Moon.jpg", 10), ("big.jpg", 2000)):
        place.s3.put_object(Bucket=place.settings.bucket, Key=key, Body=b"x" * size)

    (reply,) = requests(place, [body], **attributes)

    assert reply.text("Status") == "error"
    assert reason in reply.body
    keys = place.keys()
    assert "Moon.jpg" in keys
    assert not [key for key in keys if "processed" in key]


def test_the_same_message_twice_gives_one_result(place: Place) -> None:
    """Both deliveries of a request are answered alike, with the version of the one result."""
    place.worker("gamma", module=WORKER)
    moon = (ROOT / "image" / "Moon.jpg").read_bytes()
    place.s3.put_object(Bucket=place.settings.bucket, Key="Moon.jpg", Body=moon)

    first, second = requests(place, ["Moon.jpg", "Moon.jpg"])

    assert first.body == second.body == "Moonprocessed.jpg"
    head = place.s3.head_object(Bucket=place.settings.bucket, Key="Moonprocessed.jpg")
    assert first.text("ETag") == second.text("ETag") == head["ETag"]
    assert head["ContentType"] == "image/jpeg"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [([], "gamma,contrast,sauvola"), (["blur"], "'gamma', 'contrast', 'sauvola'")],
)
def test_worker_says_which_operations_there_are(
    place: Place, arguments: List[str], line: str
) -> None:
    """Without an operation, or with an unknown one, the worker lists them and exits with 2."""
    done = place.client(*arguments, module=WORKER)

    assert done.returncode == 2
    assert line.replace("'", "") in done.stderr.replace("'", "")


def test_memory_comes_back_after_refused_and_large_images(place: Place) -> None:
    """After bombs and large images the worker uses no more memory than before, save its pool."""
    worker = place.worker("gamma", "--concurrency", "1", module=WORKER)
    bomb = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR" + (50_000).to_bytes(4, "big") * 2 + b"\x08\2\0\0\0"
    place.s3.put_object(Bucket=place.settings.bucket, Key="bomb", Body=bomb + b"\0" * 5_000_000)
    requests(place, ["bomb"] * 2)
    before = worker.memory()

    requests(place, ["bomb"] * 20)

    assert worker.memory() - before < 20_000_000
