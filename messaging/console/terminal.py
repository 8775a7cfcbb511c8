"""Talking to a person at a terminal: prompts, and how long we have waited."""

import sys
from typing import Callable, Iterable, Iterator, Optional, Protocol, TextIO, TypeVar

from ..errors import ReplyTimeout

T = TypeVar("T")
U = TypeVar("U")
Asked = TypeVar("Asked", contravariant=True)
Answer = TypeVar("Answer", covariant=True)


def ask(prompt: str, convert: Callable[[str], T]) -> T:
    """Ask until the answer converts; what ValueError says is shown. Raises EOFError at the end."""
    while True:
        answer = input(prompt)
        if not sys.stdin.isatty():  # a terminal shows what is typed; behind a pipe we do
            print(answer)
        try:
            return convert(answer)
        except ValueError as error:
            print(f"{str(error).capitalize()}. Please try again.")


def menu(entry: str, act: Callable[[], object]) -> None:
    """Offer 1 for an entry and 2 to quit, until the person quits or the input ends."""
    try:
        while True:
            print(f"\n  1  {entry}\n  2  quit\n")
            if ask("Your choice: ", one_of("1", "2")) == "2":
                return
            try:
                act()
            except KeyboardInterrupt:
                print("\nNo longer waiting; what was sent stays in the queue.")
            except ReplyTimeout as error:
                print(f"{str(error).capitalize()}.")
    except EOFError:
        print()


def one_of(*choices: str) -> Callable[[str], str]:
    """Make a conversion for `ask`: one of a few words."""

    def convert(text: str) -> str:
        if text.strip().lower() not in choices:
            raise ValueError(f"{text.strip()!r} is not a choice: type {' or '.join(choices)}")
        return text.strip().lower()

    return convert


class Waiting:
    """Says at once that we wait, and on a terminal for how long."""

    def __init__(self, what: str) -> None:
        self._what = what
        self._live = sys.stderr.isatty()
        self._shown = ""

    def __call__(self, seconds: float) -> None:
        if self._live:
            self._show(f"Waiting for {self._what} ... {seconds:.0f} s (Ctrl-C stops waiting)")
        elif seconds < 1:
            print(f"Waiting for {self._what} ...", file=sys.stderr, flush=True)

    def done(self) -> None:
        """Take the line away."""
        self._show("")

    def _show(self, text: str) -> None:
        if self._live:
            sys.stderr.write("\r" + text.ljust(len(self._shown)) + ("" if text else "\r"))
            sys.stderr.flush()
            self._shown = text


class Asker(Protocol[Asked, Answer]):
    """A requester, or what asks as one does."""

    def ask(
        self, items: Iterable[Asked], timeout: float, waiting: Callable[[float], None] = ...
    ) -> Iterator[Answer]:
        """Send items as they come, and give what answers them."""


def follow(
    asker: Asker[U, T],
    items: Iterable[U],
    timeout: float,
    total: Optional[int],
    unit: str,
    size: Callable[[T], int] = lambda _: 1,
) -> Iterator[T]:
    """Ask, and show on standard error that we wait: the seconds of one, the progress of many.

    `size` tells how many units an answer stands for.
    """
    if total == 1:
        waiting = Waiting("the reply")
        try:
            for answer in asker.ask(items, timeout, waiting):
                waiting.done()
                yield answer
        finally:
            waiting.done()
        return
    from tqdm import tqdm  # not needed for the menu

    with tqdm(total=total, unit=unit, disable=None) as bar:
        for answer in asker.ask(items, timeout):
            yield answer
            bar.update(size(answer))


def show(text: str, file: Optional[TextIO] = None) -> None:
    """Print a line; on a terminal without running into a progress bar."""
    file = file or sys.stdout
    if not file.isatty():
        print(text, file=file)
        return
    from tqdm import tqdm

    tqdm.write(text, file=file)
