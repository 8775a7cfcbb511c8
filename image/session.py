"""Session: takes images through upload, request, reply and download."""

from __future__ import annotations

import argparse
import json
import os
import sys
import webbrowser
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Callable, Dict, Iterable, Iterator, List, Optional, TypeVar, Union

from image import arguments, files, placing, transfer
from image.placing import shown
from image.transfer import Progress
from messaging import Reply, Request, Requester, RequestRejected
from messaging.console import program, terminal

T = TypeVar("T")


@dataclass(frozen=True)
class Outcome:
    """What became of an image: the reply, the file of the result, and what went wrong."""

    source: files.Source
    reply: Reply
    file: Optional[Path] = None
    error: str = ""

    @classmethod
    def of(cls, source: files.Source, reply: Reply) -> Outcome:
        """Make the outcome from a reply."""
        return cls(source, reply, error="" if reply.ok else reply.body)

    def as_dict(self) -> Dict[str, Any]:
        """Return what --json prints."""
        found: Dict[str, Any] = {"image": str(self.source.path)}
        if self.file or not self.error:
            file = str(self.file) if self.file else None
            found.update({"result": self.reply.body, "file": file, "log": self.reply.log_key})
        return {**found, "error": self.error} if self.error else found

    def show(self, as_json: bool) -> None:
        """Print it: as JSON, or what a person reads, with what went wrong apart."""
        found = self.as_dict()
        if as_json:
            terminal.show(json.dumps(found))
            return
        error = " ".join(found.pop("error", "").split())
        if len(found) > 1:
            rows = (f"  {name:<8}{shown(value)}" for name, value in found.items() if value)
            terminal.show("\n".join(rows))
        if error:
            terminal.show(f"{shown(self.source.path)}: {error}", sys.stderr)


class Session:
    """Takes images through upload, request, reply and download."""

    def __init__(self, requester: Requester, options: argparse.Namespace) -> None:
        self._requester = requester
        self._options = options
        self._many = False
        self._parameters: Dict[str, Any] = dict(arguments.given(options))
        if options.operation:
            self._parameters["operation"] = options.operation

    def process(self, sources: List[files.Source]) -> int:
        """Process images, several at a time, and show the results in their order."""
        refused, self._many = 0, len(sources) > 1
        upload = partial(self._upload, overwrite=self._options.overwrite)
        replies = self._follow(transfer.in_order(upload, sources), len(sources))
        fetch = partial(self._fetch, overwrite=self._options.overwrite)
        outcomes = (Outcome.of(source, reply) for reply, source in zip(replies, sources))
        for outcome in transfer.in_order(fetch, outcomes):
            refused += bool(outcome.error)
            outcome.show(self._options.json)
        return program.REFUSED if refused else program.DONE

    def process_one(self, source: files.Source) -> None:
        """Process one image at the menu, and ask whether to download the result."""
        (reply,) = self._follow([self._upload(source, overwrite=True)], 1)
        outcome = Outcome.of(source, reply)
        outcome.show(self._options.json)
        if not reply.ok or self._options.no_download or not _agrees("Download it (y or n)? "):
            return
        target, overwrite = self._target(source), self._options.overwrite
        if target.exists() and not overwrite:
            if not _agrees(f"{shown(target)} is there already. Replace it (y or n)? "):
                return
            overwrite = True
        fetched = self._fetch(outcome, overwrite)
        if fetched.file:
            print(f"  saved   {shown(fetched.file)}")
        if fetched.error:
            print(f"  {fetched.error}")

    def _follow(self, items: Iterable[Union[Request, Reply]], total: int) -> Iterator[Reply]:
        return terminal.follow(self._requester, items, self._options.timeout, total, "image")

    def _upload(self, source: files.Source, overwrite: bool) -> Union[Request, Reply]:
        """Upload an image and return its request, or a refusal on the spot."""
        try:
            self._check(source, overwrite)
            with files.opened(source.path) as (file, kind):
                storage, size = self._requester.storage(), os.fstat(file.fileno()).st_size
                upload = partial(transfer.upload, storage, source.key, file, kind)
                etag = self._transfer("upload", source.path.name, size, upload)
        except (OSError, ValueError, RequestRejected) as error:
            return Reply.error(str(error))
        return Request(source.key, parameters=self._parameters, etag=etag)

    def _check(self, source: files.Source, overwrite: bool) -> None:
        """Refuse before the work what could not be saved after it."""
        if source.error:
            raise ValueError(source.error)
        options = self._options
        target = None if options.no_download else placing.check(self._target(source), overwrite)
        picture = placing.check(options.compare, overwrite) if options.compare else None
        if picture and picture in (target, Path(os.path.realpath(source.path))):
            raise ValueError("the comparison would replace one of the images that it shows")

    def _fetch(self, outcome: Outcome, overwrite: bool) -> Outcome:
        """Download a result, unless told not to, and show it as asked."""
        if outcome.error or self._options.no_download:
            return outcome
        reply, target = outcome.reply, self._target(outcome.source)
        try:
            download = partial(transfer.download, self._requester.storage(), reply.body, reply.etag)
            data = self._transfer("download", target.name, 0, download)
            placing.write(target, data, overwrite)
            outcome = replace(outcome, file=target)
            self._display(outcome.source.path, target, overwrite)
        except (OSError, ValueError, RequestRejected) as error:
            return replace(outcome, error=str(error))
        return outcome

    def _transfer(self, what: str, name: str, size: int, move: Callable[[Progress], T]) -> T:
        """Upload or download, with a bar on a terminal; many images have one together."""
        from tqdm import tqdm  # not needed for the menu

        style: Any = {"unit": "B", "unit_scale": True, "leave": False}
        with tqdm(desc=name, total=size, disable=self._many or None, **style) as bar:
            attempt = partial(move, lambda place: bar.update(place - bar.n))
            return self._requester.patiently(attempt, what)

    def _target(self, source: files.Source) -> Path:
        options = self._options
        target: Path = options.output or source.target(options.output_dir or Path())
        return target

    def _display(self, before: Path, after: Path, overwrite: bool) -> None:
        target = self._options.compare
        if target:
            from image.comparison import compare

            picture = compare(before, after, arguments.described(self._options), target.suffix)
            placing.write(target, picture, overwrite)
        if self._options.open and not webbrowser.open(after.resolve().as_uri()):
            raise ValueError(f"there is no program to show {shown(after)}")


def _agrees(question: str) -> bool:
    return terminal.ask(question, terminal.one_of("y", "n")) == "y"
