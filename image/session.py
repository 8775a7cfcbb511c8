"""Session: takes images through upload, request, reply and download."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import sys
import tempfile
import webbrowser
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Dict, Iterable, Iterator, List, Optional, Union

from image import arguments, files, placing, transfer
from image.placing import shown
from messaging import Reply, Request, Requester, RequestRejected
from messaging.console import program, terminal


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
        image, error = {"image": str(self.source.path)}, {"error": self.error}
        if self.error and not self.file:
            return {**image, **error}
        file = str(self.file) if self.file else None
        found = {**image, "result": self.reply.body, "file": file, "log": self.reply.log_key}
        return {**found, **error} if self.error else found

    def as_table(self) -> str:
        """Return what a person reads."""
        rows = [(name, value) for name, value in self.as_dict().items() if value]
        return "\n".join(f"  {name:<8}{shown(value)}" for name, value in rows if name != "error")


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
        pairs = (Outcome.of(source, reply) for reply, source in zip(replies, sources))
        fetch = partial(self._fetch, overwrite=self._options.overwrite)
        for outcome in transfer.in_order(fetch, pairs):
            refused += bool(outcome.error)
            self._show(outcome)
        return program.REFUSED if refused else program.DONE

    def process_one(self, source: files.Source) -> None:
        """Process one image at the menu, and ask whether to download the result."""
        upload = partial(self._upload, overwrite=True)
        (reply,) = self._follow(map(upload, [source]), 1)
        outcome = Outcome.of(source, reply)
        self._show(outcome)
        if not reply.ok or self._options.no_download or not _agrees("Download it (y or n)? "):
            return
        target, overwrite = self._target(source), self._options.overwrite
        if target.exists() and not overwrite:
            overwrite = _agrees(f"{shown(target)} is there already. Replace it (y or n)? ")
            if not overwrite:
                return
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
                etag = self._send(source, file, kind)
        except (OSError, ValueError, RequestRejected) as error:
            return Reply.error(str(error))
        return Request(source.key, parameters=self._parameters, etag=etag)

    def _send(self, source: files.Source, file: BinaryIO, kind: str) -> str:
        with self._bar(source.path.name, os.fstat(file.fileno()).st_size) as progress:
            storage = self._requester.storage()
            return self._requester.patiently(
                lambda: transfer.upload(storage, source.key, file, kind, progress), "upload"
            )

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
        source = outcome.source
        try:
            target = self._target(source)
            placing.write(target, self._download(outcome.reply, target.name), overwrite)
            outcome = replace(outcome, file=target)
            self._display(source.path, target, overwrite)
        except (OSError, ValueError, RequestRejected) as error:
            return replace(outcome, error=str(error))
        return outcome

    def _download(self, reply: Reply, name: str) -> bytearray:
        with self._bar(name, 0) as progress:
            storage = self._requester.storage()
            return self._requester.patiently(
                lambda: transfer.download(storage, reply.body, reply.etag, progress), "download"
            )

    def _target(self, source: files.Source) -> Path:
        options = self._options
        target: Path = options.output or source.target(options.output_dir or Path())
        return target

    def _display(self, before: Path, after: Path, overwrite: bool) -> None:
        if self._options.compare:
            from image.comparison import compare

            with tempfile.TemporaryDirectory() as folder:
                picture = Path(folder, f"picture{self._options.compare.suffix}")
                compare(before, after, picture, arguments.described(self._options))
                placing.write(self._options.compare, picture.read_bytes(), overwrite)
        if self._options.open and not webbrowser.open(after.resolve().as_uri()):
            raise ValueError(f"there is no program to show {shown(after)}")

    def _bar(self, name: str, size: int) -> Any:
        """Show a bar for a single transfer; for many, another bar counts them."""
        if self._many:
            return contextlib.nullcontext(lambda done: None)
        return transfer.bar(name, size)

    def _show(self, outcome: Outcome) -> None:
        if self._options.json:
            terminal.show(json.dumps(outcome.as_dict()))
            return
        if outcome.file or not outcome.error:
            terminal.show(outcome.as_table())
        if outcome.error:
            error = " ".join(outcome.error.split())
            terminal.show(f"{shown(outcome.source.path)}: {error}", sys.stderr)


def _agrees(question: str) -> bool:
    return terminal.ask(question, terminal.one_of("y", "n")) == "y"
