"""Dialogue with a person at a terminal: prompts, a menu, progress, replies as they come."""

from __future__ import annotations

import sys
from typing import Callable, Iterable, Iterator, Optional, Protocol, TextIO, TypeVar

from ..aws.advice import explain
from ..aws.trouble import AWS_ERRORS
from ..errors import MessagingError, ReplyTimeout
from ..wire.envelope import Reply
from . import entry, signals
from .waiting_line import WaitingLine

T = TypeVar("T")
U = TypeVar("U")
Asked = TypeVar("Asked", contravariant=True)
Answer = TypeVar("Answer", covariant=True)
_QUIT = ("q", "quit")
_MEANT = {"yes": "y", "o": "y", "oui": "y", "no": "n", "non": "n"}


class StoppedWaiting(KeyboardInterrupt):
    """Raised in place of KeyboardInterrupt once a request may have been sent."""


def ask(prompt: str, convert: Callable[[str], T], example: str = "") -> T:
    """Prompt until the answer converts; the text of a ValueError is shown.

    Raises EOFError at the end of the input, or for q or quit if they do not convert.
    """
    while True:
        answer = ""
        try:
            answer = entry.read(prompt)
            converted = convert(answer)
        except ValueError as error:
            if answer.strip().lower() in _QUIT:
                raise EOFError from None
            told = sentence(error)
            hint = f", for example {example}" if example and example not in told else ""
            print(f"{told}. Please try again{hint}.")
        else:
            entry.remember(answer)
            return converted


def menu(what: str, act: Callable[[], object], ready: Callable[[], object]) -> None:
    """Offer 1 for an entry and 2 to quit, until the person quits or the input ends.

    At a terminal no error ends it. `ready` is called before anything has to be typed, and raises
    if that would be in vain.
    """
    try:
        _carry_out(ready)
        while True:
            print(f"\n  1  {what}\n  2  quit\n")
            if ask("Your choice: ", one_of("1", "2")) == "2":
                return
            _carry_out(ready, act)
    except EOFError:
        print()
    except KeyboardInterrupt:
        print()
        raise


def _carry_out(*steps: Callable[[], object]) -> None:
    """Take steps, and print in one line what interrupts them."""
    try:
        with signals.coming_back():
            for step in steps:
                step()
    except StoppedWaiting:
        print("\nNo longer waiting; what was sent stays in the queue.")
    except KeyboardInterrupt:
        print()
    except (MessagingError, *AWS_ERRORS) as error:
        if not isinstance(error, ReplyTimeout) and not sys.stdin.isatty():
            raise
        print(f"{sentence(error)}.")


def one_of(*choices: str) -> Callable[[str], str]:
    """Return a converter for `ask`: one of a few words; yes, oui and so on stand for y, n."""

    def convert(text: str) -> str:
        word = text.strip().lower()
        word = word if word in choices else _MEANT.get(word, word)
        if "\n" in word:
            raise ValueError(f"what was pasted chooses nothing: type {' or '.join(choices)}")
        if word not in choices:
            raise ValueError(f"{text.strip()!r} is not a choice: type {' or '.join(choices)}")
        return word

    return convert


def sentence(error: Exception) -> str:
    """Return an error's text with a capital, to begin a sentence; the rest is unchanged."""
    text = explain(error) if isinstance(error, AWS_ERRORS) else str(error)
    return text[:1].upper() + text[1:]


class Asker(Protocol[Asked, Answer]):
    """A requester, or anything with the same `ask`."""

    def ask(
        self, items: Iterable[Asked], timeout: float, waiting: Callable[[float], None] = ...
    ) -> Iterator[Answer]:
        """Send items as they come, and yield the answers."""


def follow(
    asker: Asker[U, T],
    items: Iterable[U],
    timeout: float,
    total: Optional[int],
    unit: str,
    size: Callable[[T], int] = lambda _: 1,
) -> Iterator[T]:
    """Ask, and show on standard error that we wait: seconds for one item, a bar for many.

    `size` returns how many units an answer stands for. Raises StoppedWaiting on Ctrl-C if
    something may have been sent.
    """
    sent = False

    def watched() -> Iterator[U]:
        nonlocal sent
        for item in items:
            sent = sent or not isinstance(item, Reply)
            yield item

    try:
        yield from _followed(asker, watched(), timeout, total, unit, size)
    except KeyboardInterrupt:
        if sent:
            raise StoppedWaiting from None
        raise


def _followed(
    asker: Asker[U, T],
    items: Iterable[U],
    timeout: float,
    total: Optional[int],
    unit: str,
    size: Callable[[T], int],
) -> Iterator[T]:
    if total != 1:
        from tqdm import tqdm  # not needed for the menu

        with tqdm(total=total, unit=unit, disable=None) as bar:
            for answer in asker.ask(items, timeout):
                yield answer
                bar.update(size(answer))
        return
    waiting = WaitingLine("the reply")
    try:
        for answer in asker.ask(items, timeout, waiting):
            waiting.done()
            yield answer
    finally:
        waiting.done()


def show(text: str, file: Optional[TextIO] = None) -> None:
    """Print a line; on a terminal above the progress bar, not into it."""
    file = file or sys.stdout
    if not file.isatty():
        print(text, file=file)
        return
    from tqdm import tqdm

    tqdm.write(text, file=file)
