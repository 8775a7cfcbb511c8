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
from typing import Union


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
        first, *_ = [_is_there(each) for each in (*map(folder.joinpath, names), place)]
    except OSError as error:
        raise ValueError(f"cannot write {shown(path)}: {error.strerror}") from error
    # Whoever writes beside us may have made the folder meanwhile.
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
    """Write a file by the rules above; raises ValueError or FileExistsError where they forbid."""
    place = check(path, overwrite)
    scratch = place.with_name(f".{secrets.token_hex(8)}.part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        mode = stat.S_IMODE(place.stat().st_mode) if place.exists() else None
        handle = os.open(
            scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666 if mode is None else 0o600
        )
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
