"""README.md and the handbook as tests read them: halves, sections, commands, and what varies."""

import re
from typing import Dict, Iterator, List, Set, Tuple

from tests.conftest import ROOT

FRENCH = "# Du travail qui voyage par AWS"
PROGRAMS = ("python3", "bash", "sudo", "aws", "git", "journalctl", "systemctl", "pip", ".")
# What varies from run to run, and its placeholder.
VARIES = (
    (r"^Waiting for .*\n", ""),  # a terminal erases this line
    (r"logs/(\w+)/\d{4}/\d\d/\d\d/\d{6}Z-[0-9a-f]{8}\.txt", r"logs/\1/KEY"),
    (r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:PORT"),
    (r"no reply in [0-9.]+ s", "no reply in SECONDS"),
)


def masked(text: str) -> str:
    """Return a command's output with placeholders for what varies."""
    for pattern, name in VARIES:
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return text


def agree(shown: str, said: str) -> bool:
    """Return whether a command printed what is shown; three dots match anything."""
    parts = re.split(r"\.{3}|…", masked(shown.strip()))
    return bool(re.fullmatch(".*".join(map(re.escape, parts)), masked(said.strip()), re.DOTALL))


def text() -> str:
    """Return README.md."""
    return (ROOT / "README.md").read_text(encoding="utf-8")


def handbook() -> str:
    """Return the operators' handbook."""
    return (ROOT / "scripts" / "README.md").read_text(encoding="utf-8")


def rights(*who: str) -> Set[str]:
    """Return the rights that rows of the handbook's table list."""
    table = dict(sections(handbook()))["## What AWS must allow"]
    rows = re.findall(r"^\| (.*?) \| .*? \| (.*?) \|$", table, re.MULTILINE)
    assert set(who) <= {name for name, _ in rows}
    told = (re.findall(r"`(\w+:\w+)`", actions) for name, actions in rows if name in who)
    return {right for each in told for right in each}


def halves() -> Tuple[str, str]:
    """Return the English half and the French half."""
    english, french = text().split(f"\n{FRENCH}\n")
    return english, f"{FRENCH}\n{french}"


def sections(half: str) -> List[Tuple[str, str]]:
    """Return each heading with the text below it, up to the next heading."""
    found = re.split(r"^(#+ .*)$", half, flags=re.MULTILINE)[1:]
    return list(zip(found[::2], found[1::2]))


def blocks(part: str) -> List[str]:
    """Return the console blocks."""
    return re.findall(r"^```console\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


def spans(part: str) -> List[str]:
    """Return the inline code."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", part, flags=re.M | re.S))


def slug(heading: str) -> str:
    """Return the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def commands(part: str) -> Dict[str, str]:
    """Return each command with the output shown below it, empty if none is."""
    found = {span: "" for span in spans(part) if span.split()[0] in PROGRAMS}
    for block in blocks(part):
        found.update(_shown(block))
    return found


def _shown(block: str) -> Iterator[Tuple[str, str]]:
    """Split a block at its prompts; the commands that the demo shows are part of its output."""
    if block.startswith("$ bash scripts/demo.sh\n"):
        yield "bash scripts/demo.sh", block.partition("\n")[2]
        return
    for each in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = each.replace("\\\n", "").partition("\n")
        yield " ".join(command.split()), output
