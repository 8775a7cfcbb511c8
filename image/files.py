"""Files: finding the images that a person means, and where their results go."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Iterator, Tuple
from urllib.parse import unquote

from image.keys import check_key, file_name

MAX_BYTES = 10**9 - 1  # what --max-bytes of a worker can be at most
_START = 4096  # bytes that tell the format


@dataclass(frozen=True)
class Source:
    """An image file, its key in the bucket, and the folder below the output for its result.

    Attributes:
        error: why it is refused as it stands; it then has no key
    """

    path: Path
    key: str
    folder: Path = Path()
    error: str = ""

    @classmethod
    def of(cls, path: Path, key: str, folder: Path = Path()) -> Source:
        """Make a source, refused if no image may have its key."""
        try:
            return cls(path, check_key(key), folder)
        except ValueError as error:
            return cls(path, "", folder, str(error))

    def target(self, output: Path) -> Path:
        """Give the file for the result, which the worker has no say in."""
        return output / self.folder / file_name(self.key)


class NotAnImage(ValueError):
    """Raised for a file that is there and no image."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{str(path)!r} is {reason}")
        self.reason = reason


def find(name: str) -> Path:
    """Find an image file here or on the Desktop; raises ValueError if there is none."""
    name = name.strip()
    if not name:
        raise ValueError("type the name of an image, with its extension")
    trouble = f"there is no {name!r}, neither here nor on the Desktop"
    for path in _meant(name):
        try:
            os.lstat(path)
        except (FileNotFoundError, NotADirectoryError):
            continue
        except OSError as error:
            trouble = f"cannot read {str(path)!r}: {error.strerror}"
            continue
        media_type(path)
        return path
    raise ValueError(trouble)


def _meant(name: str) -> Iterator[Path]:
    """Give the paths that a name may mean: as it stands, or as a terminal writes what is dragged
    into it, in quotes, with backslashes or as a URL."""
    readings = [name]
    with contextlib.suppress(ValueError):  # a quote that is part of the name
        words = shlex.split(name)
        readings += words if len(words) == 1 else []
    for text in readings:
        if text.startswith("file://"):
            text = unquote("/" + text[len("file://") :].partition("/")[2])
        for folder in (Path(), desktop(), Path(os.path.expanduser("~/Desktop"))):
            yield folder / os.path.expanduser(text)


def desktop() -> Path:
    """Give the Desktop, which has another name in other languages."""
    said = os.environ.get("XDG_DESKTOP_DIR", "")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"))
    with contextlib.suppress(OSError):
        text = (config / "user-dirs.dirs").read_text(encoding="utf-8", errors="surrogateescape")
        lines = re.findall(r'^\s*XDG_DESKTOP_DIR="(.*)"', text, re.MULTILINE)
        said = said or re.sub(r"\\(.)", r"\1", (lines or [""])[-1])
    return Path(os.path.expanduser(re.sub(r"^\$HOME\b", "~", said) or "~/Desktop"))


def media_type(path: Path) -> str:
    """Give the media type of an image file by its content; raises ValueError if it is none."""
    with opened(path) as (_, kind):
        return kind


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Tuple[BinaryIO, str]]:
    """Open an image file; give it with its media type.

    Raises ValueError if it is none, cannot be read, or was written to meanwhile. Only regular
    files are opened: anything else might keep us waiting, and cannot be sent.
    """
    try:
        mode = os.stat(path).st_mode
        if stat.S_ISDIR(mode):
            raise NotAnImage(path, "a folder, not an image")
        if not stat.S_ISREG(mode):
            raise NotAnImage(path, "no regular file: save the image into one")
        with path.open("rb") as file:
            before = _state(file)
            if before[0] > MAX_BYTES:
                raise ValueError(f"{str(path)!r} has more bytes than any worker takes")
            try:
                yield file, _media_type(path, file.read(_START))
            finally:
                if _state(file) != before:  # whatever else became of it then
                    raise ValueError(f"{str(path)!r} is being written to: try again later")
    except OSError as error:
        if isinstance(error, FileNotFoundError) and path.is_symlink():
            raise NotAnImage(path, "a link to nothing") from error
        raise ValueError(f"cannot read {str(path)!r}: {error.strerror}") from error


def _state(file: BinaryIO) -> Tuple[int, int]:
    state = os.fstat(file.fileno())
    return state.st_size, state.st_mtime_ns


def _media_type(path: Path, start: bytes) -> str:
    from image.formats import codec  # loads Pillow, which the menu does without

    if not start:
        raise NotAnImage(path, "empty")
    try:
        return codec.Result(b"", codec.detect_format(start)).content_type
    except ValueError as error:
        raise NotAnImage(path, str(error).replace("this is ", "", 1)) from error
