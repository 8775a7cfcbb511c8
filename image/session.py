"""Session: takes images through upload, request, reply and download."""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import webbrowser
from collections import deque
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Callable, Deque, Dict, Iterable, Iterator, List, Optional, TypeVar, Union

from image import arguments, files, transfer
from messaging import Reply, Request, Requester, RequestRejected
from messaging.console import program, terminal

A = TypeVar("A")
B = TypeVar("B")

TRANSFERS = 4  # uploads, and downloads, at a time
AHEAD = 8  # results that wait for their turn at most


@dataclass(frozen=True)
class Outcome:
    """What became of an image: the reply, the file of the result, and what went wrong."""

    source: files.Source
    reply: Reply
    file: Optional[Path] = None
    error: str = ""

    def as_dict(self) -> Dict[str, Any]:
        """Give what --json prints."""
        if self.error:
            return {"image": str(self.source.path), "error": self.error}
        file = str(self.file) if self.file else None
        key, log = self.reply.body, self.reply.log_key
        return {"image": str(self.source.path), "result": key, "file": file, "log": log}

    def as_table(self) -> str:
        """Give what a person reads."""
        rows = {name: value for name, value in self.as_dict().items() if value}
        return "\n".join(f"  {name:<8}{value}" for name, value in rows.items())


class Session:
    """Takes images through upload, request, reply and download."""

    def __init__(self, requester: Requester, options: argparse.Namespace) -> None:
        self._requester = requester
        self._options = options
        self._parameters: Dict[str, Any] = dict(arguments.given(options))
        if options.operation:
            self._parameters["operation"] = options.operation

    def process(self, sources: List[files.Source]) -> int:
        """Process images, several at a time, and show the results in their order."""
        refused = 0
        with ThreadPoolExecutor(TRANSFERS) as uploads, ThreadPoolExecutor(TRANSFERS) as downloads:
            items = _in_order(uploads, self._upload, sources)
            replies = self._follow(items, len(sources))
            pairs = (Outcome(source, reply) for reply, source in zip(replies, sources))
            for outcome in _in_order(downloads, self._fetch, pairs):
                refused += bool(outcome.error)
                self._show(outcome)
        return program.REFUSED if refused else program.DONE

    def process_one(self, source: files.Source) -> None:
        """Process the image that a person chose, and ask whether to download the result."""
        (reply,) = self._follow(map(self._upload, [source]), 1)
        outcome = Outcome(source, reply, error="" if reply.ok else reply.body)
        self._show(outcome)
        if reply.ok and terminal.ask("Download it (y or n)? ", terminal.one_of("y", "n")) == "y":
            target = self._target(outcome)
            question = f"{target} is there already. Replace it (y or n)? "
            replace = target.exists() and not self._options.overwrite
            if replace and terminal.ask(question, terminal.one_of("y", "n")) == "n":
                return
            fetched = self._fetch(outcome, overwrite=replace)
            print(f"  saved   {fetched.file}" if fetched.file else f"  {fetched.error}")

    def _follow(self, items: Iterable[Union[Request, Reply]], total: int) -> Iterator[Reply]:
        return terminal.follow(self._requester, items, self._options.timeout, total, "image")

    def _upload(self, source: files.Source) -> Union[Request, Reply]:
        """Put an image into the bucket and make its request, or refuse it on the spot."""
        try:
            kind = files.media_type(source.path)
            with self._bar(source.path.name, source.path.stat().st_size) as progress:
                storage = self._requester.storage()
                etag = self._requester.patiently(
                    lambda: transfer.upload(storage, source.path, source.key, kind, progress),
                    "upload",
                )
        except (OSError, ValueError) as error:
            return Reply.error(str(error))
        return Request(source.key, parameters=self._parameters, etag=etag)

    def _fetch(self, outcome: Outcome, overwrite: bool = False) -> Outcome:
        """Download a result, unless told not to, and show it as asked."""
        options, source, reply = self._options, outcome.source, outcome.reply
        if not reply.ok or options.no_download:
            return Outcome(source, reply, error="" if reply.ok else reply.body)
        replace = overwrite or options.overwrite
        try:
            target = self._target(outcome)
            with self._bar(target.name, 0) as progress:
                storage = self._requester.storage()
                self._requester.patiently(
                    lambda: transfer.download(
                        storage, reply.body, reply.etag, target, replace, progress
                    ),
                    "download",
                )
            self._display(source.path, target)
        except FileExistsError as error:
            return Outcome(source, reply, error=f"{error}; --overwrite replaces it")
        except (OSError, ValueError, RequestRejected) as error:
            return Outcome(source, reply, error=str(error))
        return Outcome(source, reply, target)

    def _target(self, outcome: Outcome) -> Path:
        options = self._options
        target: Path = options.output or outcome.source.target(
            options.output_dir, outcome.reply.body
        )
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
        except FileExistsError as error:
            raise ValueError(f"{str(target.parent)!r} is a file, not a folder") from error
        return target

    def _display(self, before: Path, after: Path) -> None:
        if self._options.compare:
            from image.comparison import compare

            compare(before, after, self._options.compare)
        if self._options.open:
            webbrowser.open(after.resolve().as_uri())

    def _bar(self, name: str, size: int) -> Any:
        """Show a transfer if it is the only one; of many the number is shown."""
        if len(self._options.images) > 1:
            return contextlib.nullcontext(lambda done: None)
        return transfer.bar(name, size)

    def _show(self, outcome: Outcome) -> None:
        if self._options.json:
            terminal.show(json.dumps(outcome.as_dict()))
        elif outcome.error:
            terminal.show(f"{outcome.source.path}: {outcome.error}", sys.stderr)
        else:
            terminal.show(outcome.as_table())


def _in_order(pool: ThreadPoolExecutor, call: Callable[[A], B], items: Iterable[A]) -> Iterator[B]:
    """Call with several items at a time; give the results in their order, as soon as may be."""
    under_way: Deque[Any] = deque()
    for item in items:
        under_way.append(pool.submit(call, item))
        while under_way and (under_way[0].done() or len(under_way) >= AHEAD):
            yield under_way.popleft().result()
    while under_way:
        yield under_way.popleft().result()
