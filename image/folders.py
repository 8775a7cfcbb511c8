"""Folders: all images that a command line names, and the files in folders that are skipped."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Dict, Iterator, List, Optional, Sequence

from image.files import NotAnImage, Source, media_type
from image.keys import key_of, result_key, result_name
from image.placing import shown

NAMED = 5  # skipped files listed by name for each reason; a folder may hold thousands


class Search:
    """Finds the images that a command line names; for a folder, all images below it.

    Attributes:
        sources: the images, in order
        skipped: the files in folders that were skipped, by reason
    """

    def __init__(self, names: Sequence[str], output: Optional[Path] = None) -> None:
        """Search; `output` is the folder for the results, the current one by default."""
        self.skipped: Dict[str, List[str]] = {}
        self._output = (output or Path()).resolve()
        self.sources = [source for name in names for source in self._expand(name)]

    def summary(self) -> Iterator[str]:
        """Yield one line per reason: how many files were skipped, why, and which."""
        for reason, names in self.skipped.items():
            more = f" and {len(names) - NAMED} more" if len(names) > NAMED else ""
            named = ", ".join(map(shown, names[:NAMED]))
            yield f"skipped {len(names)} in folders ({reason}): {named}{more}"

    def _expand(self, name: str) -> Iterator[Source]:
        if not os.path.isdir(name):
            yield Source.of(Path(name), Path(name).name)
            return
        top = Path(name).resolve()
        found = list(self._walk(top))
        results = {source.path.with_name(result_name(source.path.name)) for source in found}
        results |= {source.target(self._output) for source in found if not source.error}
        for source in found:
            reason = "the result of another" if source.path in results else ""
            if self._takes(source.path.relative_to(top.parent), reason):
                yield source

    def _walk(self, top: Path) -> Iterator[Source]:
        failures: List[OSError] = []
        for here, folders, names in os.walk(top, onerror=failures.append):
            inner = Path(here).relative_to(top.parent)
            folders[:] = self._taken(here, inner, folders)
            for name in self._taken(here, inner, names):
                yield Source.of(Path(here, name), key_of((inner / name).as_posix()), inner)
        for failure in failures:
            path = Path(failure.filename)
            yield Source(path, "", error=f"cannot read {str(path)!r}: {failure.strerror}")

    def _taken(self, here: str, inner: Path, names: Sequence[str]) -> List[str]:
        """Return the names of what is not skipped, in order."""
        return [
            name for name in sorted(names) if self._takes(inner / name, _trouble(Path(here, name)))
        ]

    def _takes(self, name: Path, reason: str) -> bool:
        """Return whether nothing speaks against a file, or remember why it is skipped."""
        if reason:
            self.skipped.setdefault(reason, []).append(str(name))
        return not reason


def _trouble(path: Path) -> str:
    """Return why a file or a folder below one is skipped, or nothing."""
    if path.name.startswith("."):
        return "hidden"
    if os.path.isdir(path):
        return "a link to a folder" if path.is_symlink() else ""
    try:
        media_type(path)
    except NotAnImage as error:
        return error.reason
    except ValueError:  # reported when it is opened to be sent
        pass
    return ""


def apart(sources: Sequence[Source]) -> List[Source]:
    """Refuse images that share a key, or have that of another's result: one would be lost."""
    paths: Dict[str, List[Path]] = {}
    for source in sources:
        if not source.error:
            paths.setdefault(source.key, []).append(source.path)
    results = {result_key(key): shown(path) for key, (path, *_) in paths.items()}

    def trouble(source: Source) -> str:
        for path in paths.get(source.key, ()):
            if path is not source.path:
                return f"it has the same key, {source.key!r}, as {shown(path)}: process each alone"
        if source.key in results:
            return f"its key, {source.key!r}, is that of the result of {results[source.key]}"
        return source.error

    return [source._replace(error=trouble(source)) for source in sources]
