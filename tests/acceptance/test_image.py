"""The image pair as a user sees it."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from image.comparison import compare
from scripts.local_aws import LocalAws
from tests.acceptance.typist import CHOICE as MENU
from tests.acceptance.typist import Typist
from tests.conftest import ROOT, Place, wait_until
from tests.gateway import Gateway

WORKER, CLIENT = "image.worker", "image.client"
NAME, KEY, DOWNLOAD = "with its extension: ", "if left empty): ", "Download it (y or n)? "


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small image, a text file named as an image, and a folder."""
    Image.linear_gradient("L").save(tmp_path / "Moon.jpg", quality=95)
    (tmp_path / "text.jpg").write_text("not an image")
    (tmp_path / "inner").mkdir()
    return tmp_path


@pytest.fixture
def menu(place: Place, folder: Path) -> Typist:
    """The client's menu at a terminal, in the folder."""
    return Typist(place, str(ROOT / "image" / "client.py"), cwd=folder, TERM="dumb")


def level(path: Path) -> int:
    """Return the level in the middle of a picture."""
    with Image.open(path) as image:
        pixel: Any = image.convert("L").getpixel((128, 128))
    return int(pixel)


def test_menu_processes_and_downloads_and_comes_again(
    place: Place, menu: Typist, folder: Path
) -> None:
    """After 1, a name and a key the menu shows the result, y downloads it, and 2 quits."""
    place.worker("gamma", module=WORKER)
    menu.answers(MENU, "1")
    menu.answers(NAME, "Moon.jpg")
    menu.answers(KEY, "moon")
    menu.matches("result +moonprocessed\\s")
    menu.matches("log +logs/image/")
    menu.answers(DOWNLOAD, "y")
    menu.matches("saved +moonprocessed\\s")
    menu.answers(MENU, "2")

    assert menu.ends() == 0
    assert level(folder / "moonprocessed") == pytest.approx(186, abs=2)


def test_menu_uses_the_file_name_and_asks_before_replacing(
    place: Place, menu: Typist, folder: Path
) -> None:
    """An empty key means the file's name, and an existing file is kept unless the user agrees."""
    place.worker("gamma", module=WORKER)
    (folder / "Moonprocessed.jpg").write_text("mine")
    for answer in ("n", "y"):
        menu.answers(MENU, "1")
        menu.answers(NAME, "Moon.jpg")
        menu.answers(KEY, "")
        menu.matches("result +Moonprocessed.jpg")
        menu.answers(DOWNLOAD, "y")
        menu.reads("is there already. Replace it")
        assert (folder / "Moonprocessed.jpg").read_text() == "mine"
        menu.answers("(y or n)? ", answer)
    menu.matches("saved +Moonprocessed.jpg")

    assert level(folder / "Moonprocessed.jpg") == pytest.approx(186, abs=2)


def test_menu_asks_again_after_a_wrong_entry(menu: Typist) -> None:
    """The menu explains each wrong name and key in a line, and asks again."""
    menu.answers(MENU, "1")
    for name, line in [
        ("none.jpg", "There is no 'none.jpg', neither here nor on the desktop"),
        ("inner", "'inner' is a folder, not an image"),
        ("text.jpg", "'text.jpg' is not a jpeg, png"),
        ("", "Type the name of an image"),
    ]:
        menu.answers(NAME, name)
        menu.matches("(?i)" + line)
    menu.answers(NAME, "Moon.jpg")
    for key, line in [("../moon", "one that is `.` or `..`"), ("logs/moon", "which is reserved")]:
        menu.answers(KEY, key)
        menu.reads(line)
    menu.reads(KEY)


def test_tab_completes_file_names(menu: Typist) -> None:
    """When the menu asks for an image, Tab completes file names."""
    menu.answers(MENU, "1")
    menu.answers(NAME, "Moo", "\t")
    menu.reads("Moon.jpg")


def test_one_image_with_output_comparison_and_other_values(place: Place, folder: Path) -> None:
    """Options set the operation, its value, the key and the file, and draw a comparison."""
    place.worker("contrast", module=WORKER)

    done = place.client(
        *["Moon.jpg", "--operation", "gamma", "--gamma", "0.5", "--key", "a/b.jpg", "--json"],
        *["--output", "dark.jpg", "--compare", "both.png"],
        module=CLIENT,
        cwd=folder,
    )

    answer = json.loads(done.stdout)
    assert done.returncode == 0, done.stderr
    assert answer["result"] == "a/bprocessed.jpg"
    assert answer["file"] == "dark.jpg"
    assert "gamma {'gamma': 0.5}, JPEG" in place.read(answer["log"])
    assert level(folder / "dark.jpg") == pytest.approx(64, abs=2)
    with Image.open(folder / "both.png") as both:
        assert both.width > 900
    again = compare(folder / "Moon.jpg", folder / "dark.jpg", "gamma 0.5", ".png")
    assert (folder / "both.png").read_bytes() == again


def test_existing_files_are_never_touched_unless_told(place: Place, folder: Path) -> None:
    """An existing file is replaced only with --overwrite, and a folder not even then."""
    place.worker("gamma", module=WORKER)
    mine = folder / "Moonprocessed.jpg"
    mine.write_text("mine")

    refused = place.client("Moon.jpg", module=CLIENT, cwd=folder)
    assert refused.returncode == 1
    assert "Moonprocessed.jpg is there already; --overwrite replaces it" in refused.stderr
    no_folder = place.client(
        "Moon.jpg", "--overwrite", "--output-dir", str(mine), module=CLIENT, cwd=folder
    )
    assert "is a file, not a folder" in no_folder.stderr
    assert mine.read_text() == "mine"

    assert place.client("Moon.jpg", "--overwrite", module=CLIENT, cwd=folder).returncode == 0
    assert level(mine) == pytest.approx(186, abs=2)
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []


def test_refusals_are_told_for_each_image(place: Place, folder: Path) -> None:
    """A text, a missing file and a truncated image are each reported; the good one is processed."""
    place.worker("gamma", module=WORKER)
    whole = (folder / "Moon.jpg").read_bytes()
    (folder / "cut.jpg").write_bytes(whole[: len(whole) // 2])

    done = place.client(
        "text.jpg", "none.jpg", "cut.jpg", "Moon.jpg", "--json", module=CLIENT, cwd=folder
    )

    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert done.returncode == 1
    assert "is not a JPEG" in answers[0]["error"]
    assert "No such file" in answers[1]["error"]
    assert "this JPEG image cannot be processed" in answers[2]["error"]
    assert answers[3]["file"] == "Moonprocessed.jpg"


def test_two_hundred_images_keep_their_order_and_cost_four_requests_each(
    counted: Place, gateway: Gateway, aws: LocalAws, tmp_path: Path
) -> None:
    """Results come in order, at four S3 requests per image plus the shared logs."""
    count = 200 if aws.kind == "ministack" else 20
    images = tmp_path / "images"
    images.mkdir()
    for number in range(count):
        Image.new("L", (8, 8), number).save(images / f"{number:03}.png")
    counted.worker("gamma", "--concurrency", "2", module=WORKER)
    gateway.counts.clear()

    done = counted.client(
        "images", "--output-dir", "results", "--json", module=CLIENT, cwd=tmp_path
    )

    answers = [json.loads(line) for line in done.stdout.splitlines()]
    assert [answer for answer in answers if "error" in answer] == []
    assert done.returncode == 0, done.stderr
    assert [Path(answer["image"]).name for answer in answers] == [
        f"{number:03}.png" for number in range(count)
    ]
    middle = count // 2
    with Image.open(tmp_path / "results" / "images" / f"{middle:03}processed.png") as result:
        assert result.getpixel((0, 0)) == round(255 * (middle / 255) ** (1 / 2.2))
    print(f"{count} images: {dict(gateway.counts)}")
    assert 2 * count < gateway.counts["PutObject"] <= 3 * count
    assert gateway.counts["GetObject"] == 2 * count
    assert gateway.of_service("sqs") <= 5 * count


def test_one_image_costs_five_sqs_requests(counted: Place, gateway: Gateway, folder: Path) -> None:
    """An image costs a send, a reply, a deletion and two receives; its reply is not deleted."""
    counted.worker("gamma", "--concurrency", "1", module=WORKER)
    started = time.monotonic()
    counted.client("Moon.jpg", module=CLIENT, cwd=folder)
    wait_until(lambda: gateway.counts["DeleteMessageBatch"])
    idle, counts = time.monotonic() - started, gateway.counts

    assert counts["SendMessageBatch"] == 2
    assert counts["DeleteMessageBatch"] == 1
    # Two return a message, and the worker polls on; before, it polled once a second.
    assert counts["ReceiveMessage"] <= 3 + idle
    assert [counts["CreateQueue"], counts["DeleteQueue"]] == [4, 1]
