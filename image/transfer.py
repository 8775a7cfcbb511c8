"""Files to the bucket and back, with progress, and never half a file."""

from __future__ import annotations

import contextlib
import os
import secrets
from pathlib import Path
from typing import Any, Callable, Iterator, Optional

from messaging import Storage

CHUNK = 1 << 18  # bytes
Progress = Callable[[int], None]  # takes how far it is, in bytes


@contextlib.contextmanager
def bar(what: str, total: int) -> Iterator[Progress]:
    """Show a bar for a transfer on a terminal; takes how far it is."""
    from tqdm import tqdm

    with tqdm(desc=what, total=total, unit="B", unit_scale=True, disable=None, leave=False) as line:

        def progress(done: int) -> None:
            line.update(done - line.n)

        yield progress


class _Watched:
    """A file that tells how far it has been read."""

    def __init__(self, file: Any, progress: Progress) -> None:
        self._file = file
        self._progress = progress

    def read(self, size: int = -1) -> bytes:
        data: bytes = self._file.read(size)
        self._progress(self._file.tell())
        return data

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def upload(storage: Storage, path: Path, key: str, content_type: str, progress: Progress) -> str:
    """Put a file into the bucket; give the ETag."""
    with path.open("rb") as file:
        watched: Any = _Watched(file, progress)
        return storage.put(key, watched, content_type)


def download(
    storage: Storage,
    key: str,
    etag: Optional[str],
    path: Path,
    overwrite: bool,
    progress: Progress,
) -> None:
    """Write an object to a file, which is there whole or not at all.

    Raises RequestRejected if the object is not the one with that ETag, FileExistsError if there
    is such a file and it may not be overwritten.
    """
    if path.exists() and not overwrite:
        raise FileExistsError(f"{path} is there already")
    stream, _ = storage.open_object(key, etag)
    scratch = path.with_name(f".{path.name[:40]}-{secrets.token_hex(4)}")
    try:
        with scratch.open("xb") as file, stream:
            for chunk in stream.iter_chunks(CHUNK):
                file.write(chunk)
                progress(file.tell())
        _place(scratch, path, overwrite)
    finally:
        if scratch.exists():
            scratch.unlink()


def _place(scratch: Path, path: Path, overwrite: bool) -> None:
    if overwrite:
        os.replace(scratch, path)
        return
    try:
        os.link(scratch, path)  # unlike a rename, it fails if somebody was faster
    except FileExistsError:
        raise FileExistsError(f"{path} is there already") from None
    except OSError:  # a file system without links
        os.replace(scratch, path)
