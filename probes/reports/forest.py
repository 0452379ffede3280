"""Figures with their intervals as a small picture, in plain SVG: a line each, all on one axis.

It draws with the colour of the text around it, so that it fits a light and a dark page, and says every number in words
too, so that nothing hangs on seeing it. This module computes nothing but places.
"""

import math
from collections.abc import Callable, Sequence
from typing import NamedTuple

from probes.metrics import Measured
from probes.report import number
from probes.reports.escape import in_html

ROW, TOP, LEFT, PLOT, RIGHT = 22, 30, 210, 250, 170  # pixels; LEFT and RIGHT are for words
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7")
LONGEST = 34  # letters of a label


class Line(NamedTuple):
    """One figure; `side` tells the colours of several results apart."""

    label: str
    measured: Measured
    side: int = 0


def forest(title: str, lines: Sequence[Line], reference: float | None = None) -> str:
    """The picture as SVG; a dashed line stands where a figure would say nothing, if that is known."""
    low, high, ticks = axis([line.measured for line in lines], reference)
    bottom = TOP + ROW * len(lines)

    def x(value: float) -> float:
        return LEFT + PLOT * (value - low) / (high - low)

    marks = [f'<line class="grid" x1="{x(t):.1f}" x2="{x(t):.1f}" y1="{TOP}" y2="{bottom}"/>' for t in ticks]
    marks += [f'<text class="tick" x="{x(t):.1f}" y="{bottom + 15}">{t:g}</text>' for t in ticks]
    if reference is not None and low <= reference <= high:
        marks.append(f'<line class="ref" x1="{x(reference):.1f}" x2="{x(reference):.1f}" y1="{TOP}" y2="{bottom}"/>')
    for place, line in enumerate(lines):
        marks += _line(line, TOP + ROW * (place + 0.5), x)
    said = "; ".join(f"{line.label} {number(line.measured)}" for line in lines)
    size = f'viewBox="0 0 {LEFT + PLOT + RIGHT} {bottom + 24}"'
    head = f'<text class="title" x="0" y="16">{in_html(title)}</text>'
    return f'<svg {size} role="img" aria-label="{in_html(f"{title}: {said}")}">{head}{"".join(marks)}</svg>'


def axis(figures: Sequence[Measured], reference: float | None = None) -> tuple[float, float, list[float]]:
    """Ends of an axis that holds all figures, and its ticks; 0 to 1 where they lie within and not all in a corner."""
    ends = [end for found in figures for end in (found.value, found.low, found.high) if end is not None]
    ends = [end for end in ends if math.isfinite(end)] + ([] if reference is None else [reference])
    if not ends:
        return 0.0, 1.0, [0.0, 0.5, 1.0]
    if min(ends) >= 0 and max(ends) <= 1 and max(ends) > 0.2:
        return 0.0, 1.0, [0.0, 0.25, 0.5, 0.75, 1.0]
    step = _step((max(ends) - min(ends)) or abs(ends[0]) or 1.0)
    low, high = math.floor(min(ends) / step) * step, math.ceil(max(ends) / step) * step
    high = high if high > low else low + step
    return low, high, [round(low + step * n, 12) for n in range(round((high - low) / step) + 1)]


def _line(line: Line, y: float, x: Callable[[float], float]) -> list[str]:
    found, colour = line.measured, COLOURS[line.side % len(COLOURS)]
    label = line.label if len(line.label) <= LONGEST else f"{line.label[: LONGEST - 1]}…"
    marks = [f'<text class="label" x="{LEFT - 8}" y="{y + 4:.1f}">{in_html(label)}</text>']
    marks.append(f'<text class="value" x="{LEFT + PLOT + 10}" y="{y + 4:.1f}">{number(found)}</text>')
    if found.value is None or not all(map(math.isfinite, filter(None, found.__dict__.values()))):
        return marks  # the words say what it is
    if found.low is not None and found.high is not None:
        place = f'x1="{x(found.low):.1f}" x2="{x(found.high):.1f}" y1="{y:.1f}" y2="{y:.1f}"'
        marks.append(f'<line class="span" stroke="{colour}" {place}/>')
    return [*marks, f'<circle fill="{colour}" r="4" cx="{x(found.value):.1f}" cy="{y:.1f}"/>']


def _step(span: float) -> float:
    """A round number of which about four fit into a span."""
    power = 10.0 ** math.floor(math.log10(span / 4))
    return next(power * factor for factor in (1, 2, 5, 10) if span / (power * factor) <= 5)
