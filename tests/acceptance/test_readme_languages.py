"""README.md is short, says the same in English and in French, and has no broken links."""

import re
from collections import Counter
from pathlib import Path
from typing import Any, List, Tuple

import pytest

from tests.acceptance.readme import blocks, halves, sections, slug, spans, text
from tests.conftest import ROOT

PARTS = ("messaging", "calculation", "image", "scripts", "tests")
BLANKS = "\u00a0\u202f"
PAGES = [ROOT / "README.md", *(path for part in PARTS for path in (ROOT / part).rglob("*.md"))]
PAIRS = list(zip(*map(sections, halves())))
Section = Tuple[str, str]


def numbers(part: str, point: str, gap: str) -> List[str]:
    """Return the numbers in a text, in one notation, without those in code."""
    prose = re.sub(r"^```.*?^```$|`[^`\n]*`|\(#.*?\)", "", part, flags=re.M | re.S)
    found = re.findall(rf"\d+(?:[{gap}]\d{{3}}\b)*(?:[.{point}]\d+)*", prose)
    return [re.sub(f"[{gap}]", "", each).replace(",", ".") for each in found]


def test_both_halves_have_the_same_structure() -> None:
    """Both halves have headings of the same levels in the same order, and link to each other."""
    english, french = ([heading.count("#") for heading, _ in sections(half)] for half in halves())

    assert english == french
    for (_, own), (other, _) in (PAIRS[0], PAIRS[0][::-1]):
        assert f"](#{slug(other)})" in own


@pytest.mark.parametrize("pair", PAIRS, ids=lambda pair: pair[0][0].lstrip("# "))
def test_both_halves_say_the_same(pair: Tuple[Section, Section]) -> None:
    """Each section has the same commands, code, numbers, rows and links in both languages."""
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


def test_it_is_short() -> None:
    """README.md is no longer than what people read to the end."""
    assert len(text()) <= 20_000
    assert len(text().splitlines()) <= 330
    assert all(len(half.splitlines()) <= 160 for half in halves())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    """Each link leads to an existing file and heading, or to AWS's manuals."""
    for target in re.findall(r"\]\(([^)]+)\)", page.read_text(encoding="utf-8")):
        if target.startswith("https://"):
            assert target.startswith("https://docs.aws.amazon.com/"), target
            continue
        name, _, anchor = target.partition("#")
        file = page.parent / name if name else page
        assert file.is_file(), target
        if anchor:
            headings = sections(file.read_text(encoding="utf-8"))
            assert anchor in {slug(heading) for heading, _ in headings}, target
