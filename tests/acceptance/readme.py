"""README.md and the handbook as tests read them: halves, sections, commands, and what varies."""

import re
from typing import Dict, Iterator, List, Set, Tuple

from tests.conftest import ROOT

FRENCH = "# Du travail qui voyage par AWS"
PROGRAMS = ("python3", "bash", "sudo", "aws", "git", "journalctl", "systemctl", "pip", ".")
# What varies from run to run, and what is written for it.
VARIES = (
    (r"^Waiting for .*\n", ""),  # a terminal takes this line away
    (r"logs/(\w+)/\d{4}/\d\d/\d\d/\d{6}Z-[0-9a-f]{8}\.txt", r"logs/\1/KEY"),
    (r"http://127\.0\.0\.1:\d+", "http://127.0.0.1:PORT"),
    (r"no reply in [0-9.]+ s", "no reply in SECONDS"),
)


def masked(text: str) -> str:
    """Give the text of a command with names instead of what varies."""
    for pattern, name in VARIES:
        text = re.sub(pattern, name, text, flags=re.MULTILINE)
    return text


def agree(shown: str, said: str) -> bool:
    """Tell whether a command said what is shown; three dots stand for anything."""
    parts = re.split(r"\.{3}|…", masked(shown.strip()))
    return bool(re.fullmatch(".*".join(map(re.escape, parts)), masked(said.strip()), re.DOTALL))


def text() -> str:
    """Give all of README.md."""
    return (ROOT / "README.md").read_text(encoding="utf-8")


def handbook() -> str:
    """Give the handbook for operators."""
    return (ROOT / "scripts" / "README.md").read_text(encoding="utf-8")


def rights(*who: str) -> Set[str]:
    """Give the rights that rows of the handbook's table name."""
    table = dict(sections(handbook()))["## What AWS must allow"]
    rows = re.findall(r"^\| (.*?) \| .*? \| (.*?) \|$", table, re.MULTILINE)
    assert set(who) <= {name for name, _ in rows}
    told = (re.findall(r"`(\w+:\w+)`", actions) for name, actions in rows if name in who)
    return {right for each in told for right in each}


def halves() -> Tuple[str, str]:
    """Give the English half and the French one."""
    english, french = text().split(f"\n{FRENCH}\n")
    return english, f"{FRENCH}\n{french}"


def sections(half: str) -> List[Tuple[str, str]]:
    """Give each heading and what is below it, up to the next."""
    found = re.split(r"^(#+ .*)$", half, flags=re.MULTILINE)[1:]
    return list(zip(found[::2], found[1::2]))


def blocks(part: str) -> List[str]:
    """Give the blocks that show commands."""
    return re.findall(r"^```console\n(.*?)^```$", part, re.MULTILINE | re.DOTALL)


def spans(part: str) -> List[str]:
    """Give what is set as code within lines."""
    return re.findall(r"`([^`\n]+)`", re.sub(r"^```.*?^```$", "", part, flags=re.M | re.S))


def slug(heading: str) -> str:
    """Give the anchor of a heading."""
    return re.sub(r"[^\w\- ]", "", heading.lstrip("# ").lower()).replace(" ", "-")


def commands(part: str) -> Dict[str, str]:
    """Give each command and the output shown below it, empty where none is."""
    found = {span: "" for span in spans(part) if span.split()[0] in PROGRAMS}
    for block in blocks(part):
        found.update(_shown(block))
    return found


def _shown(block: str) -> Iterator[Tuple[str, str]]:
    """Split a block at its prompts; what the demo shows as commands belongs to its output."""
    if block.startswith("$ bash scripts/demo.sh\n"):
        yield "bash scripts/demo.sh", block.partition("\n")[2]
        return
    for each in re.split(r"^\$ ", block, flags=re.MULTILINE)[1:]:
        command, _, output = each.replace("\\\n", "").partition("\n")
        yield " ".join(command.split()), output
