"""Plot: a table's figures over milliseconds as curves, in handwritten SVG."""

import math
import re
from html import escape
from typing import List, Tuple

from scripts.benchmarks.table import Sample, Table

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 760, 400, 70, 230, 44, 52
LINE, SIZE = 18, 14  # pixels
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#b07500", "#3b8fc2")
HEAD = f"""\
<svg xmlns="http://www.w3.org/2000/svg" role="img" aria-labelledby="title"
     viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}"
     font-family="sans-serif" font-size="{SIZE}">
<title id="title">{{}}</title>
<rect width="100%" height="100%" fill="white"/>
"""
Place = Tuple[float, float]


def draw(table: Table) -> str:
    """Return an SVG of each row's medians over the columns named `N ms`; "" if there are none."""
    columns = [at for at, name in enumerate(table.columns) if re.fullmatch(r"\d+ ms", name)]
    delays = [float(table.columns[at].split()[0]) for at in columns]
    medians = {str(row[0]): [_median(row[at]) for at in columns] for row in table.rows}
    rows = {name: row for name, row in medians.items() if all(row)}
    every = [median for row in rows.values() for median in row]
    if not every:
        return ""
    low, high = math.floor(math.log10(min(every))), math.ceil(math.log10(max(every)))

    def place(delay: float, rate: float) -> Place:
        across = delay / (max(delays) or 1) * (WIDTH - LEFT - RIGHT)
        up = (math.log10(rate) - low) / max(1, high - low) * (HEIGHT - TOP - BOTTOM)
        return round(LEFT + across, 1), round(HEIGHT - BOTTOM - up, 1)

    parts = [_text((LEFT, 24), table.title)]
    for power in range(low, high + 1):
        x, y = place(0, 10.0**power)
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text((x - 8, y + 5), f"{10**power:,}", "end"))
    for delay in delays:
        parts.append(_text((place(delay, 1)[0], HEIGHT - BOTTOM + 22), f"{delay:g} ms", "middle"))
    lowest = 0.0
    curves = zip(
        COLOURS * len(rows), rows, (list(map(place, delays, row)) for row in rows.values())
    )
    for colour, name, points in sorted(curves, key=lambda curve: curve[2][-1][1]):
        x, y = points[-1]
        lowest = max(y + 5, lowest + LINE)  # keeps the names of neighbouring curves apart
        parts += [*_curve(points, colour), _text((x + 10, lowest), name, colour=colour)]
    return HEAD.format(escape(table.title)) + "\n".join([*parts, "</svg>\n"])


def _median(cell: object) -> float:
    return (isinstance(cell, Sample) and cell.median) or 0.0


def _curve(points: List[Place], colour: str) -> List[str]:
    line = " ".join(f"{x},{y}" for x, y in points)
    dots = [f'<circle cx="{x}" cy="{y}" r="4" fill="{colour}"/>' for x, y in points]
    return [f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots]


def _text(place: Place, text: str, anchor: str = "start", colour: str = "#333") -> str:
    x, y = place
    return f'<text x="{x}" y="{y}" text-anchor="{anchor}" fill="{colour}">{escape(text)}</text>'
