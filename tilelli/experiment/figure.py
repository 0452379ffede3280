"""The figure of a report, as SVG: an arm a line, its difference to the baseline, and how sure that is.

It is written by hand, since no library that the package needs draws without a browser, and it has a ground of its own,
so that it can be read on a light page and on a dark one.
"""

import math
from collections.abc import Callable, Sequence
from html import escape

from tilelli.experiment.results import Results, Row

WIDTH, LEFT, RIGHT, TOP, LINE = 860, 300, 40, 64, 34
INK, GREY, GRID, BLUE, ORANGE = "#222222", "#666666", "#dddddd", "#0072b2", "#e69f00"


def draw(results: Results) -> str:
    """An SVG document; with nothing to compare yet, a title and a line that says what will appear."""
    plan = results.plan
    rows = [row for row in results.rows if row.arm.name != plan.baseline]
    ends = [v for row in rows if (d := row.difference) for v in (d.low, d.high, *d.each)]
    title = _text(20, 28, plan.title, size=17)
    if not ends:
        return _document(100, [title, _text(20, 64, "Appears when two arms share a seed.", GREY)])
    bottom = TOP + LINE * len(rows)
    marks = ticks(min(0.0, *ends), max(0.0, *ends))
    low, high = marks[0], marks[-1]

    def place(value: float) -> float:
        return LEFT + (WIDTH - LEFT - RIGHT) * (value - low) / (high - low)

    parts = [title]
    for mark in marks:
        parts.append(_line(place(mark), TOP - 8, place(mark), bottom, INK if mark == 0 else GRID))
        parts.append(_text(place(mark), bottom + 18, f"{mark:+g}" if mark else "0", GREY, anchor="middle"))
    for number, row in enumerate(rows):
        parts += _row(row, TOP + LINE * number + LINE / 2, place)
    baseline = plan.arms[plan.baseline].title
    legend = f"Bits per byte, % from {baseline} ({results.split} split). Bar: 95 % interval; small dots: single seeds."
    parts.append(_text(20, bottom + 46, legend, GREY))
    return _document(bottom + 62, parts)


def ticks(low: float, high: float) -> list[float]:
    """Round numbers, 0 among them, from below `low` to above `high`; `low` <= 0 <= `high`."""
    rough = max(high - low, 1e-6) / 5
    unit = 10 ** math.floor(math.log10(rough))
    step = next(unit * n for n in (1, 2, 5, 10) if unit * n >= rough * (1 - 1e-9))
    first, last = math.floor(low / step), math.ceil(high / step)
    return [round(n * step, 9) for n in range(first, max(last, first + 1) + 1)]


def _row(row: Row, y: float, place: Callable[[float], float]) -> list[str]:
    label = _text(LEFT - 16, y + 5, row.arm.title, anchor="end")
    d = row.difference
    if d is None:
        return [label, _text(LEFT + 8, y + 5, "no run yet", GREY)]
    dots = [f'<circle cx="{place(v):.1f}" cy="{y:.1f}" r="3" fill="{ORANGE}"/>' for v in d.each]
    dot = f'<circle cx="{place(d.mean):.1f}" cy="{y:.1f}" r="6" fill="{BLUE}"/>'
    return [label, _line(place(d.low), y, place(d.high), y, BLUE, 3), dot, *dots]


def _text(x: float, y: float, text: str, colour: str = INK, anchor: str = "start", size: int = 13) -> str:
    where = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" fill="{colour}" text-anchor="{anchor}"'
    return f"<text {where}>{escape(text)}</text>"


def _line(x1: float, y1: float, x2: float, y2: float, colour: str, width: int = 1) -> str:
    ends = f'x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}"'
    return f'<line {ends} stroke="{colour}" stroke-width="{width}"/>'


def _document(height: float, parts: Sequence[str]) -> str:
    size = f'width="{WIDTH}" height="{height:.0f}" viewBox="0 0 {WIDTH} {height:.0f}"'
    ground = f'<rect width="{WIDTH}" height="{height:.0f}" rx="8" fill="#ffffff"/>'
    opening = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="sans-serif">'
    return "\n".join((opening, ground, *parts, "</svg>", ""))
