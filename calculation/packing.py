"""Many lists in one request: a line for each, and a line for each in its reply."""

from __future__ import annotations

import json
from typing import Dict, List, Optional, Union

from calculation.integers import check, quoted
from calculation.summary import Summary, summarise

PARAMETER = "lists"  # says how many there are
MAX_LISTS = 1000
MAX_LENGTH = 64 * 1024  # characters; SQS bills so many bytes as one request
ROOM = MAX_LENGTH - 1024  # what the attributes leave of it
# Of a line of a reply: names and signs, the count, two floats, and the end of the line. What else
# it holds, the minimum, the maximum and the median, is no longer than the list's longest item.
FRAME = 51 + 5 + 2 * 24 + 1

Outcome = Union[Summary, str]  # a summary, or the sentence that refuses a list


class Pack:
    """Lists that are to travel together, and those beside them that are refused on the spot.

    Its request and its reply stay within what SQS bills as one each, unless it is of one list.

    Attributes:
        texts: all of them as they came
        lists: those that travel, as they do
    """

    def __init__(self, most: int = MAX_LISTS) -> None:
        self.texts: List[str] = []
        self.lists: List[str] = []
        self._most = most
        self._refused: Dict[int, str] = {}
        self._request = 0
        self._reply = 0

    def take(self, text: str) -> bool:
        """Take a list in; tell whether it had room."""
        request = reply = MAX_LENGTH  # which leaves no room for others
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
        """Give the outcome of each list, from the answers to those that travelled."""
        if not self._refused:
            return answers
        given = iter(answers)
        return [
            self._refused[position] if position in self._refused else next(given)
            for position in range(len(self.texts))
        ]


def unpack(body: str, count: object) -> List[str]:
    """Give the lists of a request; raises ValueError if they are not as many as it says."""
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
    """Summarise each list, or refuse it; give the body of the reply."""
    return "\n".join(map(_answer, lists))


def read(line: str) -> Outcome:
    """Read what answers one list; refuses the list in a sentence where it is no answer."""
    try:
        members = json.loads(line)
        refusal = members.get("error")
        return refusal if isinstance(refusal, str) else Summary.from_fields(members)
    except (ValueError, AttributeError, RecursionError):
        return f"the reply is no summary: {quoted(line)}"


def read_all(body: str, count: int) -> Optional[List[Outcome]]:
    """Read what answers so many lists; None where it does not answer each."""
    lines = body.rstrip("\n").split("\n")
    return [read(line) for line in lines] if len(lines) == count else None


def _answer(text: str) -> str:
    try:
        return summarise(text).to_json()
    except ValueError as error:
        return json.dumps({"error": str(error)})
