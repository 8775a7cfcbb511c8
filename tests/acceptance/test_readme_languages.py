"""README.md says the same in English and in French, and points at what is there."""

import re
from collections import Counter
from typing import Any, List, Tuple

import pytest

from tests.acceptance.readme import blocks, halves, sections, spans, text
from tests.conftest import ROOT

BLANKS = "\u00a0\u202f"
PAIRS = list(zip(*map(sections, halves())))
Section = Tuple[str, str]


def numbers(part: str, point: str, gap: str) -> List[str]:
    """Give the figures of a text, written alike, outside of code spans and blocks."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`|\(#.*?\)", "", part, flags=re.M | re.S)
    found = re.findall(rf"\d+(?:[{gap}]\d{{3}}\b)*(?:[.{point}]\d+)*", prose)
    return [re.sub(f"[{gap}]", "", each).replace(",", ".") for each in found]


def slug(heading: str) -> str:
    """Give the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def test_both_halves_have_the_same_structure() -> None:
    """Headings of the same levels come in the same order, and each half leads to the other."""
    english, french = ([heading.count("#") for heading, _ in sections(half)] for half in halves())

    assert english == french
    for (_, own), (other, _) in (PAIRS[0], PAIRS[0][::-1]):
        assert f"](#{slug(other)})" in own


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0][0].lstrip("# "))
def test_both_halves_say_the_same(pair: Tuple[Section, Section]) -> None:
    """A section has the same commands, code, figures, rows and links in both languages."""
    (_, english), (_, french) = pair

    def shape(part: str) -> Any:
        return [
            blocks(part),
            Counter(spans(part)),
            [line.count("|") for line in part.splitlines() if line.startswith("|")],
            sorted(re.findall(r"\]\(([^#)]+)\)", part)),
            len(re.findall(r"^(?:-|\d\.) ", part, re.MULTILINE)),
        ]

    assert shape(french) == shape(english)
    assert Counter(numbers(french, ",", BLANKS)) == Counter(numbers(english, ".", ","))


def test_links_lead_somewhere() -> None:
    """Each link names a file that is there, or a heading."""
    headings = {slug(heading) for half in halves() for heading, _ in sections(half)}

    for target in re.findall(r"\]\(([^)]+)\)", text()):
        assert target[1:] in headings if target[0] == "#" else (ROOT / target).is_file(), target
