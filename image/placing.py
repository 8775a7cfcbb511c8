"""Placing: the rules by which a file is written, whichever program writes it.

- Only a regular file is replaced, and only if allowed. Whether one exists is checked before the
  work, and again when the new file takes its place.
- A file is written atomically: until it is complete it has a hidden name in the same folder.
- A replacement keeps the permissions; for a link, the file that it points to is replaced.
- Missing folders are created.
"""

import contextlib
import os
import secrets
import stat
from pathlib import Path
from typing import Union

_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL


def shown(path: object) -> str:
    """Format a path for one line, whatever characters it has."""
    text = str(path)
    return text if text.isprintable() else repr(text)


def check(path: Path, overwrite: bool) -> Path:
    """Return the path with all links resolved; raises ValueError if it may not be written."""
    place = Path(os.path.realpath(path))
    if os.path.isdir(place):
        raise ValueError(f"{shown(path)} is a folder: no file takes its place")
    folder = next(each for each in place.parents if os.path.isdir(each))
    names = place.relative_to(folder).parts
    try:
        first, *_ = [is_there(each) for each in (*map(folder.joinpath, names), place)]
    except OSError as error:
        raise ValueError(f"cannot write {shown(path)}: {error.strerror}") from error
    # A concurrent writer may have created the folder meanwhile.
    if first and len(names) > 1 and not os.path.isdir(folder / names[0]):
        raise ValueError(f"{str(folder / names[0])!r} is a file, not a folder")
    found = first and len(names) == 1
    if found and not os.path.isfile(place):
        raise ValueError(f"{shown(path)} is no regular file: only those are replaced")
    if found and not overwrite:
        raise FileExistsError(_taken(path))
    if not os.access(folder, os.W_OK | os.X_OK):
        raise ValueError(f"cannot write {shown(path)}: no right to write into {shown(folder)}")
    return place


def write(path: Path, data: Union[bytes, bytearray], overwrite: bool) -> None:
    """Write a file by the rules above; raises ValueError or FileExistsError if they forbid it."""
    place = check(path, overwrite)
    scratch = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else None
        handle = os.open(scratch, _NEW, 0o666 if mode is None else 0o600)
        with open(handle, "wb") as file:
            file.write(data)
        if mode is not None:
            os.chmod(scratch, mode)
        _place(scratch, place, overwrite)
    except FileExistsError as error:
        raise FileExistsError(_taken(path)) from error
    except OSError as error:
        raise ValueError(f"cannot write {shown(path)}: {error.strerror}") from error
    finally:
        with contextlib.suppress(FileNotFoundError):
            scratch.unlink()


def _taken(path: Path) -> str:
    return f"{shown(path)} is there already; --overwrite replaces it"


def is_there(path: Path) -> bool:
    """Return whether a path exists; raises OSError if nothing can have that name."""
    try:
        os.lstat(path)
    except (FileNotFoundError, NotADirectoryError):
        return False
    return True


def _place(scratch: Path, place: Path, overwrite: bool) -> None:
    if not overwrite:
        try:
            os.link(scratch, place)  # unlike a rename, it fails if the file exists by now
            return
        except OSError:  # a file system without links: reserve the name, if it is free, instead
            os.close(os.open(place, _NEW, 0o666))
    os.replace(scratch, place)
