"""The images that a user means are found, and everything else is reported."""

import os
import shlex
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from image.files import find, media_type, opened
from image.folders import Search, apart

GIF = b"GIF89a"


def image(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(GIF)
    return path


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty current folder, in a home without a Desktop."""
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    for name in ("XDG_DESKTOP_DIR", "XDG_CONFIG_HOME"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    return tmp_path / "here"


@pytest.mark.parametrize("name", ["a b.gif", "it's.gif", "é (1)&.gif", 'a\\"b.gif', "50%20.gif"])
def test_paths_dragged_into_the_terminal_are_found(here: Path, name: str) -> None:
    """A path is found plain, quoted, with backslashes or as a URL, even with a trailing blank."""
    path = image(here / name)
    escaped = "".join(c if c.isalnum() or c in "/._" else "\\" + c for c in str(path))
    dragged = [name, str(path), shlex.quote(str(path)), escaped, path.as_uri()]

    for text in [*dragged, f"'{path.as_uri()}'", f"file://localhost{quote(str(path))}"]:
        assert find(text + " ").samefile(path), text


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=9))
def test_any_name_is_found_or_told(text: str) -> None:
    """Whatever is typed, the answer is a path or a sentence."""
    with pytest.raises(ValueError):
        find("nothing here " + text)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("", "type the name of an image"),
        ("x" * 300, "File name too long"),
        ("~nobody-here/x.jpg", "there is no '~nobody-here/x.jpg'"),
        ("a.gif/x", "neither here nor on the Desktop"),
        ("'a.gif", 'there is no "\'a.gif"'),
        ("a.gif b.gif", "there is no 'a.gif b.gif'"),
    ],
)
def test_what_is_not_found_is_told(here: Path, name: str, sentence: str) -> None:
    """Each name that leads nowhere is quoted in the error."""
    image(here / "a.gif")

    with pytest.raises(ValueError, match=sentence):
        find(name)


@pytest.mark.parametrize(
    ("variable", "line", "place"),
    [
        ("", None, "home/Desktop"),
        ("", 'XDG_DESKTOP_DIR="$HOME/Bureau"', "home/Bureau"),
        ("", '# a remark\nXDG_DESKTOP_DIR="$HOME/Mein \\"Tisch\\""', 'home/Mein "Tisch"'),
        ("$HOME/Schreibtisch", 'XDG_DESKTOP_DIR="$HOME/Bureau"', "home/Schreibtisch"),
        ("", 'XDG_DESKTOP_DIR="$HOME/Bureau"', "home/Desktop"),
    ],
)
def test_the_desktop_is_where_the_system_says(
    here: Path, monkeypatch: pytest.MonkeyPatch, variable: str, line: Any, place: str
) -> None:
    """The variable wins, then user-dirs.dirs, and a folder called Desktop always counts."""
    if variable:
        monkeypatch.setenv("XDG_DESKTOP_DIR", variable.replace("$HOME", str(here.parent / "home")))
    if line:
        (here.parent / "home" / ".config").mkdir(parents=True)
        (here.parent / "home" / ".config" / "user-dirs.dirs").write_text(line + "\n")
    path = image(here.parent / place / "a.gif")

    assert find("a.gif") == path


def test_what_is_no_image_is_never_waited_for(tmp_path: Path) -> None:
    """Folders, pipes, empty files, texts and dangling links each have their own error."""
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "empty").touch()
    (tmp_path / "text").write_text("not an image")
    (tmp_path / "heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic")
    (tmp_path / "link").symlink_to("nowhere")
    for name, sentence in [
        ("", "is a folder, not an image"),
        ("pipe", "is no regular file"),
        ("empty", "is empty"),
        ("text", "is not a JPEG, PNG, WebP, TIFF, GIF, BMP or AVIF image"),
        ("heic", "is an iPhone's HEIC: save it as JPEG"),
        ("link", "is a link to nothing"),
        ("none", "No such file"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            media_type(tmp_path / name)


@pytest.mark.parametrize("failure", [None, RuntimeError("BadDigest")])
@pytest.mark.parametrize("change", [GIF * 2, b"", GIF[:-1] + b"b"])
def test_a_file_that_changes_meanwhile_is_refused(
    tmp_path: Path, failure: Any, change: bytes
) -> None:
    """A file that changes between the check and the upload is refused with the reason."""
    path = image(tmp_path / "a.gif")
    os.utime(path, (1, 1))

    def read() -> None:
        with opened(path):
            path.write_bytes(change)
            if failure:
                raise failure

    with pytest.raises(ValueError, match=r"a.gif' is being written to"):
        read()


def test_folders_give_all_their_images_and_say_what_else_they_hold(here: Path) -> None:
    """A folder's images are taken, by content; hidden files, results and others are reported."""
    for name in ("b.png", "inner/a.gif", "inner/aprocessed.gif", "aprocessed.gif"):
        image(here / "photos" / name)
    for name in (".b.png", ".0123456789abcdef.png", ".hidden/a.gif"):
        image(here / "photos" / name)
    (here / "photos" / "empty.jpg").touch()
    (here / "photos" / "link").symlink_to(here)
    for number in range(7):
        (here / "photos" / f"note{number}.txt").write_text("no image")

    found = Search(["photos"])

    assert [source.key for source in found.sources] == [
        "photos/aprocessed.gif",  # its source is missing
        "photos/b.png",
        "photos/inner/a.gif",
    ]
    assert found.sources[2].target(Path("x")) == Path("x/photos/inner/aprocessed.gif")
    told = list(found.summary())
    for part in [
        "skipped 3 in folders (hidden): photos/.hidden, photos/.0123456789abcdef.png",
        "(a link to a folder): photos/link",
        "(empty): photos/empty.jpg",
        "(the result of another): photos/inner/aprocessed.gif",
        "photos/note4.txt and 2 more",
    ]:
        assert any(part in line for line in told), (part, told)


@pytest.mark.parametrize("output", ["", "photos", "photos/out", "photos/out/.."])
def test_results_below_the_folder_are_not_processed_again(here: Path, output: str) -> None:
    """Existing results are skipped, wherever this command would write them."""
    path = Path(output) if output else None
    for name in ("photos/a.gif", "photos/inner/b.gif"):
        image(here / name)
    (here / "photos" / "out").mkdir()
    first = Search(["photos"], path).sources
    for source in first:
        image(source.target(path or Path()))

    again = Search(["photos"], path)

    assert again.sources == first
    assert len(again.skipped["the result of another"]) == 2


def test_what_may_not_be_read_is_an_error(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A folder or file without read permission is an error, and not skipped."""
    for name in ("m/1.gif", "m/locked/2.gif", "m/3.gif"):
        image(here / name)

    def denying(call: Any, name: str) -> Any:
        def denied(path: Any, *arguments: Any, **options: Any) -> Any:
            if str(path).endswith(name):
                raise PermissionError(13, "Permission denied", str(path))
            return call(path, *arguments, **options)

        return denied

    monkeypatch.setattr(os, "scandir", denying(os.scandir, "locked"))
    monkeypatch.setattr(os, "stat", denying(os.stat, "3.gif"))
    found = Search(["m"])
    assert [source.path.name for source in found.sources] == ["1.gif", "3.gif", "locked"]
    assert "locked': Permission denied" in found.sources[2].error
    assert not found.skipped


def test_a_folder_with_a_reserved_name_can_be_processed(here: Path) -> None:
    """A folder called logs gets other keys, and its results still go to a folder of its name."""
    image(here / "logs" / "a.gif")

    (source,) = Search(["logs"]).sources

    assert source.key == "images/logs/a.gif"
    assert source.target(Path("out")) == Path("out/logs/aprocessed.gif")


def test_a_name_that_cannot_be_a_key_stops_no_other(here: Path) -> None:
    """Line breaks, broken UTF-8 and excess length refuse only the file concerned."""
    deep = "/".join(["x" * 200] * 6)
    for name in ("1.gif", "2\n.gif", "3\udce9.gif", f"4/{deep}/y.gif", "5.gif"):
        image(here / "m" / name)

    errors = {source.path.name: source.error for source in Search(["m"]).sources}

    assert [name for name, error in errors.items() if not error] == ["1.gif", "5.gif"]
    assert "control characters" in errors["2\n.gif"]
    assert "not UTF-8" in errors["3\udce9.gif"]
    assert "more than 1024 bytes" in errors["y.gif"]


def test_images_of_one_command_do_not_meet_in_the_bucket(here: Path) -> None:
    """Images with the same key, or with the key of another's result, are refused."""
    for name in ("x/a.gif", "y/a.gif", "x/b.gif", "x/bprocessed.gif"):
        image(here / name)

    found = apart(Search(["x/a.gif", "x/b.gif", "y/a.gif", "x/bprocessed.gif"]).sources)

    assert [source.error for source in found] == [
        "it has the same key, 'a.gif', as y/a.gif: process each alone",
        "",
        "it has the same key, 'a.gif', as x/a.gif: process each alone",
        "its key, 'bprocessed.gif', is that of the result of x/b.gif",
    ]
