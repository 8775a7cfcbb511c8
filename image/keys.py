"""Keys: the names of images and results in the bucket, and of the files they become."""

import posixpath
import re

RESERVED = ("logs/", "payloads/")
ROOM = "images/"  # prefix for a folder whose own name is reserved for logs or payloads
MAX_BYTES = 1024  # S3's limit for a key
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_SUFFIX = "processed"


def check_key(key: str) -> str:
    """Return the key if an image may have it, otherwise raise ValueError."""
    if not key:
        raise ValueError("the key is empty")
    if key.startswith(RESERVED):
        raise ValueError(f"the key {key!r} starts with {' or '.join(RESERVED)}, which is reserved")
    if any(part in ("", ".", "..") for part in key.split("/")):
        raise ValueError(f"the key {key!r} has an empty part, or one that is `.` or `..`")
    if _CONTROL.search(key):
        raise ValueError(f"the key {key!r} holds control characters, or is not UTF-8")
    if len(result_name(key).encode()) > MAX_BYTES:
        raise ValueError(f"the key of the result would have more than {MAX_BYTES} bytes")
    return key


def key_of(path: str) -> str:
    """Return the key for a path below a folder on the command line; it may still be refused."""
    return ROOM + path if path.startswith(RESERVED) else path


def result_key(key: str) -> str:
    """Return the key of the result: Moonprocessed.jpg for Moon.jpg, moonprocessed for moon."""
    return result_name(check_key(key))


def result_name(name: str) -> str:
    """Return what the result of an object or a file of that name is called."""
    stem, extension = posixpath.splitext(name)
    return f"{stem}{_SUFFIX}{extension}"


def file_name(key: str) -> str:
    """Return the name of the file for a result; a key never chooses the folder."""
    return posixpath.basename(result_key(key))
