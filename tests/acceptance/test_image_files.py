"""The image client with the folders and files that people have."""

import json
import signal
import subprocess
import sys
import threading
import time
from functools import partial
from pathlib import Path
from typing import Any, Dict, Iterator, List, Optional

import pexpect
import pytest
from PIL import Image

from scripts.local_aws import LocalAws
from tests.acceptance.typist import CHOICE, Typist
from tests.conftest import ROOT, Place, take, wait_until
from tests.gateway import Answer, Call, Gateway, error

WORKER, CLIENT = "image.worker", "image.client"
PROGRAM = [sys.executable, str(ROOT / "image" / "client.py")]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that contains another, photos, with two images."""
    (tmp_path / "photos").mkdir()
    for name in ("a", "b"):
        Image.new("L", (8, 8), 99).save(tmp_path / "photos" / f"{name}.png")
    return tmp_path


def run(place: Place, folder: Path, *arguments: str) -> List[Dict[str, Any]]:
    """Run the client to its end; return its answers, and then its exit code and standard error."""
    done = place.client(*arguments, "--json", module=CLIENT, cwd=folder)
    assert "Traceback" not in done.stderr
    answers = [json.loads(line) for line in done.stdout.splitlines()]
    return [*answers, {"code": done.returncode, "said": done.stderr}]


def test_a_folder_processed_again_makes_no_results_of_results(
    counted: Place, gateway: Gateway, folder: Path
) -> None:
    """The second time, existing results are refused before the upload, and are no sources."""
    worker = counted.worker("gamma", module=WORKER)
    assert run(counted, folder, "photos")[-1]["code"] == 0
    worker.terminate()
    worker.process.wait()
    gateway.counts.clear()

    first, second, end = run(counted, folder, "photos")

    assert gateway.counts["PutObject"] == 0
    assert first["error"] == "photos/aprocessed.png is there already; --overwrite replaces it"
    assert second["error"] == "photos/bprocessed.png is there already; --overwrite replaces it"
    assert "the result of another): photos/aprocessed.png, photos/b" in end["said"]
    assert end["code"] == 1


def test_one_file_stops_no_other_and_each_has_one_line_in_order(place: Place, folder: Path) -> None:
    """Bad files are each reported in one line, in order; the good ones are processed."""
    place.worker("gamma", module=WORKER)
    good = (folder / "photos" / "a.png").read_bytes()
    for name in ("b\nc.png", "d\udce9.png"):
        (folder / "photos" / name).write_bytes(good)
    (folder / "photos" / "x.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (folder / "photos" / "zero.png").touch()
    (folder / "photos" / "link.png").symlink_to("nowhere")
    (folder / "a.png").write_bytes(good[:50])

    *answers, end = run(place, folder, "none.png", "photos", "a.png", "--output-dir", "results")

    assert [Path(answer["image"]).name for answer in answers] == [
        *["none.png", "a.png", "b\nc.png", "b.png", "d\udce9.png", "a.png"]
    ]
    assert ["error" in answer for answer in answers] == [True, False, True, False, True, True]
    assert end["code"] == 1
    for said in ("x.heic", "(empty): photos/zero.png", "(a link to nothing): photos/link.png"):
        assert said in end["said"]
    results = [path.name for path in (folder / "results" / "photos").iterdir()]
    assert sorted(results) == ["aprocessed.png", "bprocessed.png"]


def test_what_could_not_be_brought_home_is_not_sent(
    counted: Place, gateway: Gateway, folder: Path
) -> None:
    """Impossible names, existing pictures and colliding targets are refused before the upload."""
    long = "x" * 246 + ".png"
    image = "photos/a.png"
    (folder / long).write_bytes((folder / image).read_bytes())
    (folder / "mine.png").write_text("mine")
    for arguments, sentence in [
        ([long], "File name too long"),
        ([image, "--compare", "mine.png"], "mine.png is there already; --overwrite replaces it"),
        ([image, "--compare", image, "--overwrite"], "would replace one of the images"),
        ([image, "--output-dir", "mine.png"], "mine.png' is a file, not a folder"),
    ]:
        answer, end = run(counted, folder, *arguments)
        assert sentence in answer["error"]
        assert end["code"] == 1

    one, other, end = run(counted, folder, image, image)
    assert "it has the same key, 'a.png', as photos/a.png" in one["error"] == other["error"]
    assert gateway.counts["PutObject"] == 0
    assert (folder / "mine.png").read_text() == "mine"


def test_a_result_that_cannot_be_shown_is_told_with_its_file(place: Place, folder: Path) -> None:
    """An error after the download does not hide the result that was saved."""
    place.worker("gamma", module=WORKER)
    environment = {"BROWSER": "false", "DISPLAY": "", "PATH": "/nonexistent"}

    done = place.client(
        "photos/a.png", "--open", "--json", module=CLIENT, cwd=folder, environment=environment
    )

    answer = json.loads(done.stdout)
    assert done.returncode == 1
    assert answer["file"] == "aprocessed.png"
    assert answer["error"] == "there is no program to show aprocessed.png"


def test_a_result_has_one_extension_whatever_its_key(place: Place, folder: Path) -> None:
    """The file gets the name that README promises, even if the worker named the key differently."""
    command = [*PROGRAM, "photos/a.png"]
    client = subprocess.Popen(command, cwd=folder, env=place.environment, stdout=subprocess.PIPE)
    (request,) = take(place.inbox())
    place.s3.put_object(Bucket=place.settings.bucket, Key="a.pngprocessed.png", Body=b"result")
    attributes = {
        name: {"DataType": "String", "StringValue": value}
        for name, value in (("CorrelationId", request.text("CorrelationId")), ("Status", "ok"))
    }
    url = place.sqs.get_queue_url(QueueName=request.text("ReplyTo"))["QueueUrl"]
    place.sqs.send_message(
        QueueUrl=url, MessageBody="a.pngprocessed.png", MessageAttributes=attributes
    )

    said = client.communicate(timeout=60)[0].decode()

    assert "file    aprocessed.png" in said
    assert (folder / "aprocessed.png").read_bytes() == b"result"


def test_many_images_show_one_bar(place: Place, folder: Path) -> None:
    """At a terminal a folder has one progress bar, and none per transfer."""
    place.worker("gamma", module=WORKER)

    said: Any = pexpect.run(
        " ".join([*PROGRAM, "photos"]),
        cwd=str(folder),
        env={**place.environment, "TERM": "dumb"},
        encoding="utf-8",
        timeout=60,
    )

    assert "2/2" in said
    assert "a.png:" not in said
    assert "aprocessed.png:" not in said


def test_an_image_that_s3_does_not_accept_stops_no_other(
    counted: Place, gateway: Gateway, aws: LocalAws, folder: Path
) -> None:
    """An image that S3 refuses has its own line in its place; the others are processed."""
    counted.worker("gamma", module=WORKER, url=aws.url)
    codes = {"a.png": "BadDigest", "c.png": "EntityTooLarge"}
    Image.new("L", (8, 8), 99).save(folder / "photos" / "c.png")

    def spoil(call: Call) -> Optional[Answer]:
        code = codes.get(call.path.rpartition("/")[2])
        return error(call.action, 400, code) if code else None

    gateway.spoil("PutObject", spoil)

    first, second, third, end = run(counted, folder, "photos")

    assert first["error"] == "S3 did not accept 'photos/a.png': made for a test (BadDigest)"
    assert second["file"] == "photos/bprocessed.png"
    assert third["error"] == "S3 did not accept 'photos/c.png': made for a test (EntityTooLarge)"
    assert end["code"] == 1


@pytest.fixture
def held(gateway: Gateway) -> Iterator[threading.Event]:
    """An event for which the gateway waits before it answers requests that are to hang."""
    event = threading.Event()
    yield event
    event.set()


def _hang(held: threading.Event, call: Call) -> Optional[Answer]:
    held.wait(60)
    return error(call.action, 500, "InternalError")


@pytest.mark.parametrize("action", ["PutObject", "GetObject"])
def test_ctrl_c_ends_hanging_transfers_however_often_it_is_pressed(
    counted: Place,
    gateway: Gateway,
    aws: LocalAws,
    held: threading.Event,
    folder: Path,
    action: str,
) -> None:
    """Ctrl-C exits with 130 within two seconds, without a traceback or half a file."""
    counted.worker("gamma", module=WORKER, url=aws.url)
    gateway.spoil(action, partial(_hang, held))
    client = subprocess.Popen(
        [*PROGRAM, "photos", "--output-dir", "results"],
        cwd=folder,
        env=counted.environment,
        stderr=subprocess.PIPE,
    )
    wait_until(lambda: gateway.counts[action])
    started = time.monotonic()
    for _ in range(3):
        client.send_signal(signal.SIGINT)
        time.sleep(0.2)

    said = client.communicate(timeout=30)[1].decode()

    assert time.monotonic() - started < 3
    assert client.returncode == 130
    assert "Traceback" not in said
    assert not [path for path in (folder / "results").rglob("*") if path.is_file()]


def test_the_menu_takes_a_path_that_was_dragged_into_it(place: Place, folder: Path) -> None:
    """The menu accepts quotes, backslashes and URLs, and finds a Desktop with a localised name."""
    image = folder / "home" / "Bureau" / "my image.png"
    image.parent.mkdir(parents=True)
    (folder / "photos" / "a.png").rename(image)
    (folder / "home" / ".config").mkdir()
    (folder / "home" / ".config" / "user-dirs.dirs").write_text('XDG_DESKTOP_DIR="$HOME/Bureau"\n')
    command, home = [*PROGRAM[1:], "--timeout", "0.5"], str(folder / "home")
    menu = Typist(place, *command, cwd=folder, HOME=home, TERM="dumb", COLUMNS="200")
    escaped = str(image).replace(" ", "\\ ")
    for text in (f"'{image}' ", f"{escaped} ", image.as_uri(), "my image.png"):
        menu.answers(CHOICE, "1")
        menu.answers("with its extension: ", "~nobody-here/x.jpg")
        menu.reads("here is no '~nobody-here/x.jpg', neither here")
        menu.answers("with its extension: ", text)
        menu.answers("(my image.png if left empty): ", "")
        menu.reads("o reply in 0.5 s")
