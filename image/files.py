"""Files: finding the images that a person means, and where their results go."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Iterator, List, Sequence

from image.keys import check_key, file_name


@dataclass(frozen=True)
class Source:
    """An image file, its key in the bucket, and the folder below the output for its result."""

    path: Path
    key: str
    folder: Path = Path()

    def target(self, output: Path, result: str) -> Path:
        """Give the file for a result; of its key only the name counts."""
        return output / self.folder / file_name(result)


def find(name: str) -> Path:
    """Find an image file here or on the Desktop; raises ValueError if there is none."""
    name = name.strip()
    if not name:
        raise ValueError("type the name of an image, with its extension")
    for folder in (Path(), Path.home() / "Desktop"):
        path = folder / Path(name).expanduser()
        if path.exists():
            media_type(path)
            return path
    raise ValueError(f"there is no {name!r}, neither here nor on the Desktop")


def media_type(path: Path) -> str:
    """Give the media type of an image file by its content; raises ValueError if it is none."""
    from image.formats.codec import (  # loads Pillow, which the menu does without
        Result,
        detect_format,
    )

    if path.is_dir():
        raise ValueError(f"{str(path)!r} is a folder, not an image")
    try:
        with path.open("rb") as file:
            start = file.read(64)
    except OSError as error:
        raise ValueError(f"cannot read {str(path)!r}: {error.strerror}") from error
    try:
        return Result(b"", detect_format(start)).content_type
    except ValueError:
        kinds = "a JPEG, PNG, WebP, TIFF, GIF or BMP image"
        raise ValueError(f"{str(path)!r} is not {kinds}, whatever its name says") from None


def collect(names: Sequence[str], key: str = "") -> List[Source]:
    """Give the images that names on a command line mean; of folders, all images below.

    Raises ValueError for a key that no image may have.
    """
    return [source for name in names for source in _expand(name, key)]


def _expand(name: str, key: str) -> Iterator[Source]:
    if not Path(name).is_dir():
        yield Source(Path(name), check_key(key or Path(name).name))
        return
    folder = Path(name).resolve()
    for path in sorted(folder.rglob("*")):
        if path.is_file() and _is_image(path):
            inner = path.relative_to(folder.parent)
            yield Source(path, check_key(inner.as_posix()), inner.parent)


def _is_image(path: Path) -> bool:
    try:
        return bool(media_type(path))
    except ValueError:
        return False
