"""What a person sees at a terminal, and what a program reads behind a pipe."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import pexpect
import pytest
from PIL import Image

from tests.conftest import ROOT, Place


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a small image."""
    Image.linear_gradient("L").save(tmp_path / "Moon.jpg")
    return tmp_path


def terminal(place: Place, folder: Path, *command: str) -> str:
    """Run a command to its end on a terminal of 80 columns; give all that it writes there."""
    variables: Any = {**place.environment, "TERM": "dumb"}
    child: Any = pexpect.spawn(
        command[0], [*command[1:]], cwd=str(folder), env=variables, encoding="utf-8", timeout=60
    )
    child.expect(pexpect.EOF)
    child.close()
    return str(child.before)


def test_the_bar_of_many_images_comes_to_its_end(place: Place, folder: Path) -> None:
    """When the last image is done the bar says so."""
    place.worker("gamma", module="image.worker")

    command = [sys.executable, str(ROOT / "image" / "client.py"), "--no-download"]

    said = terminal(place, folder, *command, "Moon.jpg", "none.jpg")

    assert "100%" in said
    assert "2/2" in said


def test_redirected_results_leave_the_bar_alone(place: Place, folder: Path) -> None:
    """A bar is drawn as time goes by, not once more for each line that goes to a file."""
    place.worker()
    program, lists = ROOT / "calculation" / "client.py", " ".join(["3,1,2"] * 200)
    (folder / "run.sh").write_text(f"{sys.executable} {program} {lists} --json > results.jsonl")

    said = terminal(place, folder, "sh", "run.sh")

    assert "200/200" in said
    assert said.count("/200 [") < 50
    assert len((folder / "results.jsonl").read_text().splitlines()) == 200


def test_a_menu_behind_a_pipe_reads_as_at_a_terminal(place: Place) -> None:
    """Each answer ends its line, so that what follows is aligned."""
    place.worker()

    done = subprocess.run(
        [sys.executable, "-m", "calculation.client"],
        cwd=ROOT,
        env=place.environment,
        input="1\n1,a\n3,1,2\n2\n",
        stdout=subprocess.PIPE,
        text=True,
    )

    menu = ["", "  1  send a list of integers", "  2  quit", ""]
    lines = done.stdout.splitlines()
    assert lines[:8] == [
        *menu,
        "Your choice: 1",
        "The list, separated by commas: 1,a",
        "Item 2, 'a', is not an integer. Please try again, for example 3,1,2.",
        "The list, separated by commas: 3,1,2",
    ]
    assert lines[8:13] == [
        "  count   3",
        "  min     1",
        "  max     3",
        "  median  2",
        "  mean    2",
    ]
    assert lines[14:] == [*menu, "Your choice: 2"]
