"""All programs write files by the same rules."""

import os
import stat
from pathlib import Path
from typing import List

import pytest

from image.placing import check, shown, write


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file_is_made_with_its_folders(tmp_path: Path) -> None:
    """Missing folders are created, and the file has default permissions."""
    write(tmp_path / "a" / "b" / "new.png", b"new", False)
    (tmp_path / "other").touch()

    assert (tmp_path / "a" / "b" / "new.png").read_text() == "new"
    assert mode(tmp_path / "a" / "b" / "new.png") == mode(tmp_path / "other")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["new.png"]


def test_what_exists_is_replaced_with_leave_only(tmp_path: Path) -> None:
    """An existing file is replaced only if allowed, and keeps its permissions."""
    path = tmp_path / "secret.png"
    path.write_text("old")
    path.chmod(0o600)

    with pytest.raises(FileExistsError, match=r"secret.png is there already; --overwrite"):
        check(path, False)
    with pytest.raises(FileExistsError, match=r"secret.png is there already; --overwrite"):
        write(path, b"new", False)
    assert path.read_text() == "old"

    write(path, b"new", True)
    assert path.read_text() == "new"
    assert mode(path) == 0o600


@pytest.mark.parametrize("there", [True, False])
def test_behind_a_link_the_file_is_replaced(tmp_path: Path, there: bool) -> None:
    """A symbolic link stays, whether or not its target exists yet."""
    inner = tmp_path / "inner"
    inner.mkdir()
    if there:
        (inner / "real.png").write_text("old")
    (tmp_path / "link.png").symlink_to(inner / "real.png")

    write(tmp_path / "link.png", b"new", True)

    assert (tmp_path / "link.png").is_symlink()
    assert (inner / "real.png").read_text() == "new"


@pytest.mark.parametrize("links", [True, False])
def test_whoever_is_faster_keeps_the_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool
) -> None:
    """A file that appears while ours is written is not replaced, on any file system."""
    path, link = tmp_path / "x", os.link

    def meanwhile(*arguments: Path) -> None:
        path.write_text("theirs")
        if not links:
            raise PermissionError(1, "Operation not permitted")
        link(*arguments)

    monkeypatch.setattr(os, "link", meanwhile)
    with pytest.raises(FileExistsError, match="x is there already"):
        write(path, b"new", False)

    assert path.read_text() == "theirs"
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_system_without_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """On a file system without hard links the file is written, and no scratch file is left."""

    def no_links(*_: object) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "link", no_links)
    write(tmp_path / "x", b"new", False)

    assert [path.read_text() for path in tmp_path.iterdir()] == ["new"]


def test_what_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    """When the disk is full the old file is unchanged, and the scratch file, which only its owner
    could read, is gone.
    """
    path = tmp_path / "secret"
    path.write_text("old")
    path.chmod(0o600)
    modes: List[int] = []

    def full(*_: object) -> None:
        modes.extend(mode(each) for each in tmp_path.iterdir())
        raise OSError(28, "No space left on device")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "chmod", full)
        with pytest.raises(ValueError, match=r"cannot write .*secret: No space left on device"):
            write(path, b"new", True)

    assert modes == [0o600, 0o600]
    assert [each.read_text() for each in tmp_path.iterdir()] == ["old"]


def test_what_cannot_be_written_is_told_before(tmp_path: Path) -> None:
    """Folders, pipes, files as folders and impossible names are refused, and nothing is created."""
    (tmp_path / "folder").mkdir()
    (tmp_path / "file").touch()
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    before = sorted(tmp_path.iterdir())
    for name, sentence in [
        ("folder", "folder is a folder: no file takes its place"),
        ("pipe", "pipe is no regular file"),
        ("file/x", "file' is a file, not a folder"),
        ("file/x/y", "file' is a file, not a folder"),
        ("x" * 256, "xxx: File name too long"),
        ("new/" + "x" * 256, "xxx: File name too long"),
        ("x/" * 2100 + "x", "File name too long"),
        ("loop", "is no regular file"),
        ("loop/x", "Too many levels of symbolic links"),
    ]:
        with pytest.raises(ValueError, match=sentence):
            check(tmp_path / name, overwrite=True)
    with pytest.raises(ValueError, match="is a folder"):
        check(Path("/"), overwrite=True)

    assert sorted(tmp_path.iterdir()) == before


def test_a_folder_without_rights_is_told_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A folder without write permission is refused before any work."""
    asked = []
    monkeypatch.setattr(os, "access", lambda *arguments: asked.append(arguments))

    with pytest.raises(ValueError, match="no right to write into"):
        check(tmp_path / "new" / "x", overwrite=True)
    assert asked == [(tmp_path, os.W_OK | os.X_OK)]


def test_a_path_is_shown_on_one_line() -> None:
    """A name with control characters breaks neither the line nor the terminal."""
    assert shown(Path("a b.png")) == "a b.png"
    assert shown(Path("a\n\x1b[2J\udce9")) == r"'a\n\x1b[2J\udce9'"
