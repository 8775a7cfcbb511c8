"""Plan: how much is measured."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")


@dataclass(frozen=True)
class Plan:
    """How much is measured.

    Attributes:
        rounds: how often; in each round every contender has its turn, so all meet the same noise
        quick: whether the figures do not matter, only that there are some
    """

    rounds: int = 5
    quick: bool = False

    def pick(self, full: T, tiny: T) -> T:
        """Give a size for this plan."""
        return tiny if self.quick else full


def tell(what: str) -> None:
    """Say on standard error what is being measured."""
    print(what, file=sys.stderr, flush=True)
