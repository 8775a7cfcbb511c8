"""Typist: a user of a program at a terminal."""

import sys
from pathlib import Path
from typing import Any

import pexpect

from tests.conftest import ROOT, Place

CHOICE, LIST = "Your choice: ", "commas: "


class Typist:
    """A user of a program at a terminal, who waits for its output before typing."""

    def __init__(
        self, place: Place, *command: str, cwd: Path = ROOT, echo: bool = True, **environment: str
    ) -> None:
        size = (24, int(environment.pop("COLUMNS", "80")))
        variables: Any = {**place.environment, "TERM": "xterm", **environment}
        variables = {name: value for name, value in variables.items() if value}
        self.child: Any = pexpect.spawn(
            sys.executable,
            [*command] or [str(ROOT / "calculation" / "client.py")],
            cwd=str(cwd),
            env=variables,
            encoding="utf-8",
            timeout=60,
            echo=echo,
            dimensions=size,
            searchwindowsize=4000,
        )

    def answers(self, prompt: str, text: str, end: str = "\r") -> None:
        """Wait for a prompt, and type a line."""
        self.reads(prompt)
        self.child.send(text + end)

    def reads(self, text: str) -> None:
        """Wait for a text to appear."""
        self.child.expect_exact(text)

    def matches(self, pattern: str) -> Any:
        """Wait for text that matches a pattern; return the match."""
        self.child.expect(pattern)
        return self.child.match

    def ends(self) -> int:
        """Wait for the program to end; return its exit code."""
        self.child.expect(pexpect.EOF)
        self.child.close()
        return int(self.child.exitstatus)
