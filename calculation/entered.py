"""What a person enters at the menu: a list, or several that were pasted together."""

import re
from typing import List

from calculation.integers import check

_ALONE = re.compile(r"\s*[+-]?\d+\s*")


def entered_lists(text: str) -> List[str]:
    """Return the lists of an entry: one per line, or a single one with an integer per line.

    Raises ValueError if one of them is not a list of integers.
    """
    lines = [line for line in text.split("\n") if line.strip()] or [""]
    if len(lines) > 1 and all(map(_ALONE.fullmatch, lines)):
        lines = [",".join(lines)]
    for number, line in enumerate(lines, 1):
        try:
            check(line)
        except ValueError as error:
            where = f"in line {number}, {error}" if len(lines) > 1 else str(error)
            raise ValueError(where) from error
    return lines
