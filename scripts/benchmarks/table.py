"""Table: results as text, Markdown and JSON."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union


@dataclass(frozen=True)
class Sample:
    """Values of one quantity, in the order of measurement."""

    values: Tuple[float, ...]

    @property
    def median(self) -> Optional[float]:
        """The median, or None without values."""
        return statistics.median(self.values) if self.values else None

    def beside(self, other: Sample) -> Sample:
        """Return the ratios to a sample of the same rounds, so that their noise cancels out."""
        return Sample(tuple(mine / theirs for mine, theirs in zip(self.values, other.values)))

    def __str__(self) -> str:
        if self.median is None:
            return "-"
        low, middle, high = map(_number, (min(self.values), self.median, max(self.values)))
        return middle if len(self.values) == 1 else f"{middle} ({low}-{high})"


Cell = Union[str, Sample]


@dataclass(frozen=True)
class Table:
    """A title, columns, rows, and notes for the reader."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    notes: Sequence[str] = ()

    def to_text(self) -> str:
        """Return the table with aligned columns."""
        head, *rows = self._lines()
        widths = [max(map(len, column)) for column in zip(head, *rows)]
        lines = (
            "  ".join([line[0].ljust(widths[0]), *map(str.rjust, line[1:], widths[1:])]).rstrip()
            for line in (head, ["-" * width for width in widths], *rows)
        )
        return "\n".join([self.title, *lines, *self.notes])

    def to_markdown(self) -> str:
        """Return the table as Markdown."""
        head, *rows = self._lines()
        lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
        body = [f"| {' | '.join(line)} |" for line in lines]
        return "\n".join([f"**{self.title}**", "", *body, *(f"\n{note}" for note in self.notes)])

    def to_json(self) -> Dict[str, Any]:
        """Return the table for JSON, each sample as its median and its values."""
        rows = [dict(zip(self.columns, map(_plain, row))) for row in self.rows]
        return {"title": self.title, "rows": rows, "notes": list(self.notes)}

    def _lines(self) -> List[List[str]]:
        return [list(map(str, line)) for line in (self.columns, *self.rows)]


def _plain(cell: Cell) -> Any:
    if isinstance(cell, Sample):
        return {"median": cell.median, "values": list(cell.values)}
    return cell


def _number(value: float) -> str:
    """Return a number with three significant digits, and no exponent unless it is tiny."""
    if value != 0 and abs(value) < 0.001:
        return f"{value:.2g}"
    digits = 0 if abs(value) >= 100 else 1 if abs(value) >= 10 else 2 if abs(value) >= 1 else 3
    return f"{value:,.{digits}f}"
