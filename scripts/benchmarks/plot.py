"""Plot: curves as a picture that a page can show, written as SVG by hand."""

from __future__ import annotations

import math
from html import escape
from typing import Dict, List, Sequence, Tuple

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BOTTOM = 640, 360, 60, 150, 40, 45
LINE = 14
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
Points = Sequence[Tuple[float, float]]


def curves(title: str, x_name: str, series: Dict[str, Points]) -> str:
    """Draw curves over a linear and beside a logarithmic axis, each named at its end."""
    every = [point for points in series.values() for point in points]
    most = max(x for x, _ in every) or 1
    low = math.floor(math.log10(min(y for _, y in every)))
    high = math.ceil(math.log10(max(y for _, y in every)))

    def place(x: float, y: float) -> Tuple[float, float]:
        share = (math.log10(y) - low) / max(1, high - low)
        across = LEFT + x / most * (WIDTH - LEFT - RIGHT)
        return round(across, 1), round(HEIGHT - BOTTOM - share * (HEIGHT - TOP - BOTTOM), 1)

    parts = [_text(LEFT, 22, title, size=15)]
    for power in range(low, high + 1):
        _, y = place(0, 10.0**power)
        parts.append(f'<path d="M{LEFT} {y}H{WIDTH - RIGHT}" stroke="#ddd"/>')
        parts.append(_text(LEFT - 8, y + 4, f"{10.0**power:,g}", anchor="end"))
    for x in sorted({x for x, _ in every}):
        parts.append(_text(place(x, 10.0**low)[0], HEIGHT - BOTTOM + 18, f"{x:g}", anchor="middle"))
    parts.append(_text((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 8, x_name, anchor="middle"))
    drawn = {name: [place(*point) for point in points] for name, points in series.items()}
    lowest = 0.0
    coloured = zip(COLOURS * len(drawn), drawn.items())
    for colour, (name, points) in sorted(coloured, key=lambda each: each[1][1][-1][1]):
        x, y = points[-1]
        lowest = max(y + 4, lowest + LINE)  # names of curves that end close by stay apart
        parts += [*_curve(points, colour), _text(x + 10, lowest, name, colour=colour)]
    return _svg(parts)


def _curve(points: Points, colour: str) -> List[str]:
    line = " ".join(f"{x},{y}" for x, y in points)
    dots = [f'<circle cx="{x}" cy="{y}" r="3.5" fill="{colour}"/>' for x, y in points]
    return [f'<polyline points="{line}" fill="none" stroke="{colour}" stroke-width="2"/>', *dots]


def _text(
    x: float, y: float, text: str, anchor: str = "start", size: int = 12, colour: str = "#333"
) -> str:
    where = f'x="{x}" y="{y}" text-anchor="{anchor}"'
    return f'<text {where} font-size="{size}" fill="{colour}">{escape(text)}</text>'


def _svg(parts: Sequence[str]) -> str:
    head = (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" '
        'font-family="sans-serif">\n<rect width="100%" height="100%" fill="white"/>'
    )
    return "\n".join([head, *parts, "</svg>\n"])
