"""Table: how results are shown to people, and written for programs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Dict, List, Sequence, Tuple, Union

from scripts.benchmarks.sample import Sample, number

Cell = Union[str, int, float, Sample, None]


@dataclass(frozen=True)
class Table:
    """Rows under columns, and what a reader has to know beside them."""

    title: str
    columns: Tuple[str, ...]
    rows: Sequence[Tuple[Cell, ...]]
    notes: Tuple[str, ...] = ()

    def to_text(self) -> str:
        """Write it aligned."""
        lines = [list(self.columns), *self._cells()]
        widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
        rule = ["-" * width for width in widths]
        body = [_aligned(line, widths) for line in [lines[0], rule, *lines[1:]]]
        return "\n".join([self.title, *body, *self.notes])

    def to_markdown(self) -> str:
        """Write it for a page."""
        heads = [list(self.columns), ["---"] + ["---:"] * (len(self.columns) - 1)]
        lines = [f"| {' | '.join(line)} |" for line in [*heads, *self._cells()]]
        return "\n".join([f"**{self.title}**", "", *lines, *(f"\n{note}" for note in self.notes)])

    def to_json(self) -> Dict[str, Any]:
        """Write it as an object with a list of rows."""
        rows = [
            {name: cell.to_json() if isinstance(cell, Sample) else cell for name, cell in pairs}
            for pairs in (zip(self.columns, row) for row in self.rows)
        ]
        return {"title": self.title, "rows": rows, "notes": list(self.notes)}

    def _cells(self) -> List[List[str]]:
        return [[_shown(cell) for cell in row] for row in self.rows]


def _shown(cell: Cell) -> str:
    if cell is None:
        return "-"
    if isinstance(cell, float):
        return number(cell)
    return f"{cell:,}" if isinstance(cell, int) else str(cell)


def _aligned(line: Sequence[str], widths: Sequence[int]) -> str:
    first, *others = [
        cell.rjust(width) if column else cell.ljust(width)
        for column, (cell, width) in enumerate(zip(line, widths))
    ]
    return "  ".join([first, *others]).rstrip()
