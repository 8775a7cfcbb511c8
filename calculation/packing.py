"""Many lists in one request: one line per list, and one per list in its reply."""

from __future__ import annotations

import json
from typing import Dict, List, Optional, Union

from calculation.integers import check, quoted
from calculation.summary import Summary, summarise

PARAMETER = "lists"  # how many the body holds; part of the wire format
MAX_LISTS = 1000
MAX_LENGTH = 64 * 1024  # characters; SQS bills up to 64 KiB as one request
ROOM = MAX_LENGTH - 1024  # what the attributes leave of it
# Bytes of a line of a reply: names and signs, the count, two floats, and the line end. The rest,
# minimum, maximum and median, are each no longer than the list's longest item.
FRAME = 51 + 5 + 2 * 24 + 1

Outcome = Union[Summary, str]  # a summary, or the sentence that refuses a list


class Pack:
    """Lists to be sent in one message, and those among them that are refused on the spot.

    SQS bills its request and its reply as one each, unless it is a single, longer list.

    Attributes:
        texts: all lists as they came
        lists: those to be sent, as they are sent
    """

    def __init__(self, most: int = MAX_LISTS) -> None:
        self.texts: List[str] = []
        self.lists: List[str] = []
        self._most = most
        self._refused: Dict[int, str] = {}
        self._request = 0
        self._reply = 0

    def take(self, text: str) -> bool:
        """Add a list; return whether there was room for it."""
        request = reply = MAX_LENGTH  # leaves no room for others
        if len(text) < ROOM and "\n" not in text:
            request = self._request + len(text) + 1
            reply = self._reply + FRAME + 3 * max(map(len, text.split(",")))
        if self.texts and (len(self.texts) >= self._most or max(request, reply) > ROOM):
            return False
        self._request, self._reply = request, reply
        try:
            self.lists.append(check(text))
        except ValueError as error:
            self._refused[len(self.texts)] = str(error)
        self.texts.append(text)
        return True

    def outcomes(self, answers: List[Outcome]) -> List[Outcome]:
        """Return the outcome of each list, given the answers to those that were sent."""
        if not self._refused:
            return answers
        given = iter(answers)
        return [
            self._refused[position] if position in self._refused else next(given)
            for position in range(len(self.texts))
        ]


def unpack(body: str, count: object) -> List[str]:
    """Return the lists of a request; raises ValueError if their number is not `count`."""
    if type(count) is not int or not 1 <= count <= MAX_LISTS:
        raise ValueError(f"the parameter {PARAMETER} is no whole number from 1 to {MAX_LISTS}")
    if len(body) > MAX_LENGTH:
        raise ValueError(f"{len(body):,} characters are too many together; at most {MAX_LENGTH:,}")
    lines = body.split("\n")
    if len(lines) == count + 1 and lines[-1] in ("", "\r"):
        lines.pop()
    if len(lines) != count:
        raise ValueError(f"the parameter {PARAMETER} says {count}, and there are {len(lines)}")
    return lines


def answer(lists: List[str]) -> str:
    """Summarise each list, or refuse it; return the body of the reply."""
    return "\n".join(map(_answer, lists))


def read(line: str) -> Outcome:
    """Parse the answer to one list; anything else is turned into a refusal that quotes it."""
    try:
        members = json.loads(line)
        refusal = members.get("error")
        return refusal if isinstance(refusal, str) else Summary.from_fields(members)
    except (ValueError, AttributeError, RecursionError):
        return f"the reply is no summary: {quoted(line)}"


def read_all(body: str, count: int) -> Optional[List[Outcome]]:
    """Parse the answers to so many lists; None if there is not one for each."""
    lines = body.rstrip("\n").split("\n")
    return [read(line) for line in lines] if len(lines) == count else None


def _answer(text: str) -> str:
    try:
        return summarise(text).to_json()
    except ValueError as error:
        return json.dumps({"error": str(error)})
