"""Formats rows as a table, or as JSON."""

from __future__ import annotations

import json
from typing import List, Sequence

from scripts.management.part import Row
from scripts.management.status import HEADING


def as_json(rows: Sequence[Row]) -> str:
    """Return one line of JSON per row."""
    return "\n".join(map(json.dumps, rows))


def as_status(rows: Sequence[Row], timed: bool) -> str:
    """Return a table per part, each under a line with its account, region and bucket."""
    texts = []
    for part in dict.fromkeys(row["part"] for row in rows):
        own = [row for row in rows if row["part"] == part]
        head = own[0]
        time = f"{head['time']}  " if timed else ""
        where = f"account {head['account']}, region {head['region']}, bucket {head['bucket']}"
        cells = [{name: row[name] for name in row if name not in HEADING} for row in own]
        texts.append(f"{time}{part}: {where}\n{as_table(cells)}")
    return "\n\n".join(texts)


def as_table(rows: Sequence[Row]) -> str:
    """Return a table with numbers aligned to the right."""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    cells: List[List[object]] = [[row.get(name, "") for name in columns] for row in rows]
    numbers = [any(isinstance(value, int) for value in column) for column in zip(*cells)]
    lines = [columns, *([str(value) for value in line] for line in cells)]
    widths = [max(map(len, column)) for column in zip(*lines)]
    return "\n".join(
        "  ".join(
            text.rjust(width) if number else text.ljust(width)
            for text, width, number in zip(line, widths, numbers)
        ).rstrip()
        for line in lines
    )
