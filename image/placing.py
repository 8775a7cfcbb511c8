"""Placing: the rules by which a file is written, whichever program writes it.

- Only a regular file is replaced, and only with leave. Whether there is one is told before the
  work, and looked at again when the new one takes its place.
- A file is there whole or not at all: until then it has a hidden name beside its place.
- What replaces a file has its permissions; of a link the file behind it is replaced.
- The folders of a file are made along with it.
"""

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import Iterator, Set


def shown(path: object) -> str:
    """Write a path on one line, whatever it holds."""
    text = str(path)
    return text if text.isprintable() else repr(text)


def check(path: Path, overwrite: bool) -> Path:
    """Give the place of a file behind all links; raises ValueError if it may not be written."""
    place = Path(os.path.realpath(path))
    if os.path.isdir(place):
        raise ValueError(f"{shown(path)} is a folder: no file takes its place")
    folder = place.parent
    while not os.path.isdir(folder):
        folder = folder.parent
    names = place.relative_to(folder).parts
    try:
        found, *_ = [_is_there(each) for each in (*map(folder.joinpath, names), place)]
    except OSError as error:
        raise ValueError(f"cannot write {shown(path)}: {error.strerror}") from error
    if found and len(names) > 1:
        raise ValueError(f"{str(folder / names[0])!r} is a file, not a folder")
    if found and not os.path.isfile(place):
        raise ValueError(f"{shown(path)} is no regular file: only those are replaced")
    if found and not overwrite:
        raise FileExistsError(_taken(path))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"cannot write {shown(path)}: no right to write into {shown(folder)}")
    return place


class Placer:
    """Writes files by the rules above."""

    def __init__(self) -> None:
        self._scratch: Set[Path] = set()

    @contextlib.contextmanager
    def placing(self, path: Path, overwrite: bool) -> Iterator[Path]:
        """Give a scratch file to write into; at the end it takes its place.

        Raises ValueError or OSError if it may not; FileExistsError if something is there already.
        """
        place = check(path, overwrite)
        place.parent.mkdir(parents=True, exist_ok=True)
        scratch = place.with_name(f".{secrets.token_hex(8)}{place.suffix[:20]}")
        self._scratch.add(scratch)
        try:
            mode = 0o600 if place.exists() else 0o666
            os.close(os.open(scratch, os.O_CREAT | os.O_EXCL, mode))
            yield scratch
            if overwrite and place.exists():
                os.chmod(scratch, stat.S_IMODE(place.stat().st_mode))
            _place(scratch, place, overwrite)
        except FileExistsError as error:
            raise FileExistsError(_taken(path)) from error
        except OSError as error:
            if not error.strerror:  # not of the file system
                raise
            raise ValueError(f"cannot write {shown(path)}: {error.strerror}") from error
        finally:
            self._discard(scratch)

    def close(self) -> None:
        """Take away what was not written to its end."""
        for scratch in list(self._scratch):
            self._discard(scratch)

    def _discard(self, scratch: Path) -> None:
        with contextlib.suppress(FileNotFoundError):
            scratch.unlink()
        self._scratch.discard(scratch)


def _taken(path: Path) -> str:
    return f"{shown(path)} is there already; --overwrite replaces it"


def _is_there(path: Path) -> bool:
    """Tell whether there is something; raises OSError where nothing can be of that name."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _place(scratch: Path, place: Path, overwrite: bool) -> None:
    if not overwrite:
        try:
            os.link(scratch, place)  # unlike a rename, it fails if somebody was faster
            return
        except FileExistsError:
            raise
        except OSError:  # a file system without links: take the name, then replace our own
            os.close(os.open(place, os.O_CREAT | os.O_EXCL, 0o666))
    os.replace(scratch, place)
