"""Keys: the names of images and their results in the bucket, and of the files they become."""

import posixpath
import re
from pathlib import Path

RESERVED = ("logs/", "payloads/")
MAX_BYTES = 1024  # S3's limit
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_SUFFIX = "processed"


def check_key(key: str) -> str:
    """Give the key if an image may have it, otherwise raise ValueError."""
    if not key:
        raise ValueError("the key is empty")
    if key.startswith(RESERVED):
        raise ValueError(f"the key {key!r} starts with {' or '.join(RESERVED)}, which is reserved")
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError(f"the key {key!r} has an empty part, or one that is . or ..")
    if _CONTROL.search(key):
        raise ValueError(f"the key {key!r} holds control characters")
    if len(_appended(key).encode()) > MAX_BYTES:
        raise ValueError(f"the key of the result would have more than {MAX_BYTES} bytes")
    return key


def result_key(key: str) -> str:
    """Give the key of the result: Moonprocessed.jpg for Moon.jpg, moonprocessed for moon."""
    return _appended(check_key(key))


def file_name(key: str) -> str:
    """Give the name of the file that an object becomes; a key never chooses the folder.

    Raises ValueError if the key has no name that is safe on every system.
    """
    name = re.split(r"[/\\]", key)[-1]
    if name.strip(". ") == "" or _CONTROL.search(name) or ":" in name:
        raise ValueError(f"the key {key!r} makes no file name")
    return Path(name).name


def _appended(key: str) -> str:
    stem, extension = posixpath.splitext(key)
    return f"{stem}{_SUFFIX}{extension}"
