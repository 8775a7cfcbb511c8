"""Each option of the image client is used, or refused before anything is sent."""

import argparse
import itertools
from pathlib import Path
from typing import List

import pytest

from image import arguments, client

OPTIONS = {
    "--key": ["k.gif"],
    "--output": ["x.gif"],
    "--output-dir": ["results"],
    "--overwrite": [],
    "--no-download": [],
    "--open": [],
    "--compare": ["x.png"],
    "--json": [],
}
PAIRS = [
    {"--no-download", "--output"},
    {"--no-download", "--output-dir"},
    {"--no-download", "--overwrite"},
    {"--no-download", "--open"},
    {"--no-download", "--compare"},
    {"--output", "--output-dir"},
]
NOT_IN_THE_MENU = ("--key", "--output", "--compare")


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two images and folders with two more, and no way to AWS."""
    for name in ("a.gif", "b.gif", "one/c.gif", "two/d.gif", "two/e.gif"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"GIF89a")
    (tmp_path / "empty").mkdir()
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(client, "Requester", _refuse)
    return tmp_path


class Sends(Exception):
    """Raised where the client would start to talk to AWS."""


def _refuse(*_: object) -> None:
    raise Sends


def said(arguments: List[str], capsys: pytest.CaptureFixture[str]) -> str:
    """Return a usage error's text, or a remark that there is none."""
    try:
        client.main(arguments)
    except SystemExit as error:
        assert error.code == 2
        return capsys.readouterr().err.splitlines()[-1]
    except Sends:
        return "used"
    raise AssertionError("it ended by itself")


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(OPTIONS, 2)))
def test_every_pair_of_options_is_used_or_refused(
    one: str, other: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of two options that contradict each other, both are named."""
    line = said(["a.gif", one, *OPTIONS[one], other, *OPTIONS[other]], capsys)

    if {one, other} in PAIRS:
        assert f"{one} cannot be used with {other}" in line or (
            f"{other} cannot be used with {one}" in line
        )
    else:
        assert line == "used"


@pytest.mark.parametrize("option", OPTIONS)
def test_the_menu_uses_an_option_or_refuses_it(
    option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """An option for a single image is refused at the menu, where several may follow."""
    line = said([option, *OPTIONS[option]], capsys)

    if option in NOT_IN_THE_MENU:
        assert f"{option} cannot be used with the menu" in line
    else:
        assert line == "used"


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        ([""], "argument IMAGE: it is empty"),
        (["a.gif", ""], "argument IMAGE: it is empty"),
        (["a.gif", "--key", ""], "argument --key: it is empty"),
        (["a.gif", "--output", ""], "argument --output: it is empty"),
        (["a.gif", "--output-dir", ""], "argument --output-dir: it is empty"),
        (["a.gif", "--compare", ""], "argument --compare: "),
        (["a.gif", "--compare", "x.unknown"], "'x.unknown' has no extension of a picture"),
        (["a.gif", "--compare", "png"], "'png' has no extension of a picture"),
        (["a.gif", "b.gif", "--key", "k"], "are for a single image"),
        (["two", "--output", "x"], "are for a single image"),
        (["a.gif", "one", "--compare", "x.png"], "are for a single image"),
        (["empty"], "there is no image in the folders given"),
        (["a.gif", "--key", "logs/x"], "which is reserved"),
        (["a.gif", "--operation", "gamma", "--window", "31"], "gamma has no parameter 'window'"),
        (["a.gif", "--gamma", "2", "--window", "31"], "no operation has all of --gamma, --window"),
    ],
)
def test_wrong_usage(arguments: List[str], line: str, capsys: pytest.CaptureFixture[str]) -> None:
    """A wrong option is named, and nothing is sent."""
    assert line in said(arguments, capsys)


@pytest.mark.parametrize(
    "arguments", [["one", "--key", "k"], ["one", "--output", "x"], ["two", "a.gif"]]
)
def test_a_folder_with_one_image_is_one_image(
    arguments: List[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """The number of images counts, not that of arguments."""
    assert said(arguments, capsys) == "used"


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ([], ""),
        (["--gamma", "2.2"], "gamma 2.2"),
        (["--operation", "gamma", "--gamma", "0.5"], "gamma 0.5"),
        (["--operation", "contrast"], "contrast"),
        (["--operation", "sauvola", "--window", "31", "--k", "0.3"], "sauvola, window 31, k 0.3"),
    ],
)
def test_a_comparison_has_a_title(given: List[str], sentence: str) -> None:
    """A comparison's title has the operation and the values that were given, and may be empty."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--operation")
    arguments.add_parameters(parser)

    assert arguments.described(parser.parse_args(given)) == sentence
