"""Files: finds the images that a person means, and where their results go."""

from __future__ import annotations

import contextlib
import os
import re
import shlex
import stat
from pathlib import Path
from typing import BinaryIO, Iterator, NamedTuple, Tuple
from urllib.parse import unquote

from image.keys import check_key, file_name
from image.placing import is_there

MAX_BYTES = 10**9 - 1  # the highest --max-bytes of a worker; more would be refused there anyway
_START = 4096  # bytes from which the format is detected


class Source(NamedTuple):
    """An image file, its key in the bucket, and the folder, below the output, of its result.

    Attributes:
        error: why it is refused without being sent; it then has no key
    """

    path: Path
    key: str
    folder: Path = Path()
    error: str = ""

    @classmethod
    def of(cls, path: Path, key: str, folder: Path = Path()) -> Source:
        """Make a source, with an error if no image may have its key."""
        try:
            return cls(path, check_key(key), folder)
        except ValueError as error:
            return cls(path, "", folder, str(error))

    def target(self, output: Path) -> Path:
        """Return the file for the result; no worker can choose another."""
        return output / self.folder / file_name(self.key)


class NotAnImage(ValueError):
    """Raised for a file that exists but is not an image."""

    def __init__(self, path: Path, reason: str) -> None:
        super().__init__(f"{str(path)!r} is {reason}")
        self.reason = reason


def find(name: str) -> Path:
    """Return an image file, found here or on the Desktop; raises ValueError if there is none."""
    name = name.strip()
    if not name:
        raise ValueError("type the name of an image, with its extension")
    trouble = f"there is no {name!r}, neither here nor on the Desktop"
    for path in _meant(name):
        try:
            if is_there(path):
                media_type(path)
                return path
        except OSError as error:
            trouble = f"cannot read {str(path)!r}: {error.strerror}"
    raise ValueError(trouble)


def _meant(name: str) -> Iterator[Path]:
    """Yield the paths that a name may mean: as it is, or as a terminal writes a file dragged
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
    """Return the Desktop, which other languages call otherwise."""
    said = os.environ.get("XDG_DESKTOP_DIR", "")
    config = Path(os.environ.get("XDG_CONFIG_HOME") or os.path.expanduser("~/.config"))
    with contextlib.suppress(OSError):
        text = (config / "user-dirs.dirs").read_text(encoding="utf-8", errors="surrogateescape")
        lines = re.findall(r'^\s*XDG_DESKTOP_DIR="(.*)"', text, re.MULTILINE)
        said = said or re.sub(r"\\(.)", r"\1", (lines or [""])[-1])
    return Path(os.path.expanduser(re.sub(r"^\$HOME\b", "~", said) or "~/Desktop"))


def media_type(path: Path) -> str:
    """Return the media type of an image file by its content; raises ValueError if not an image."""
    with opened(path) as (_, kind):
        return kind


@contextlib.contextmanager
def opened(path: Path) -> Iterator[Tuple[BinaryIO, str]]:
    """Open an image file, with its media type.

    Raises ValueError if it is not an image, cannot be read, or was written to while open. Only
    regular files are opened: anything else might block, and cannot be sent.
    """
    try:
        if not stat.S_ISREG(os.stat(path).st_mode):
            is_folder, other = os.path.isdir(path), "no regular file: save the image into one"
            raise NotAnImage(path, "a folder, not an image" if is_folder else other)
        with path.open("rb") as file:
            before = _state(file)
            if before[0] > MAX_BYTES:
                raise ValueError(f"{str(path)!r} has more bytes than any worker takes")
            try:
                yield file, _media_type(path, file.read(_START))
            finally:
                if _state(file) != before:  # which explains any other error
                    raise ValueError(f"{str(path)!r} is being written to: try again later")
    except OSError as error:
        if isinstance(error, FileNotFoundError) and path.is_symlink():
            raise NotAnImage(path, "a link to nothing") from error
        raise ValueError(f"cannot read {str(path)!r}: {error.strerror}") from error


def _state(file: BinaryIO) -> Tuple[int, int]:
    state = os.fstat(file.fileno())
    return state.st_size, state.st_mtime_ns


def _media_type(path: Path, start: bytes) -> str:
    from image.formats import codec  # loads Pillow, which the menu does not need

    if not start:
        raise NotAnImage(path, "empty")
    try:
        return codec.Result(b"", codec.detect_format(start)).content_type
    except ValueError as error:
        raise NotAnImage(path, str(error).replace("this is ", "", 1)) from error
