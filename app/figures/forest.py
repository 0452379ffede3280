"""Figures with their intervals, a line each: several checkpoints or parts side by side on one axis."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from app import theme
from probes.metrics import Measured

WAITING = "A line for each figure, as soon as there is a result."
LONGEST = 44  # letters of a label


class Spans(NamedTuple):
    """One side: where its marks stand, what they are, and both ends of each interval (a mark's own place if none)."""

    name: str
    places: list[float]
    values: list[float]
    above: list[float]
    below: list[float]
    notes: list[str]


def gather(lines: Mapping[str, Sequence[Measured | None]], sides: Sequence[str]) -> list[Spans]:
    """A span a side; what is undefined has no mark."""
    found = []
    for side, name in enumerate(sides):
        spans = Spans(name, [], [], [], [], [])
        for place, (label, figures) in enumerate(lines.items()):
            own = figures[side]
            if own is None or own.value is None:
                continue
            low, high = (own.value if end is None else end for end in (own.low, own.high))
            spans.places.append(place + (side - (len(sides) - 1) / 2) * 0.8 / len(sides))
            spans.values.append(own.value)
            spans.above.append(high - own.value)
            spans.below.append(own.value - low)
            within = "no interval" if own.low is None else f"{low:.3f} to {high:.3f}"
            spans.notes.append(f"{_escaped(label)}<br>{own.value:.3f}, {within}<br>n = {own.n:,}")
        found.append(spans)
    return found


def forest(
    title: str,
    lines: Mapping[str, Sequence[Measured | None]] | None,
    sides: Sequence[str] = ("",),
    reference: float | None = None,
    x: str = "",
) -> go.Figure:
    """The picture; a dashed line stands where a figure would say nothing."""
    if not lines:
        return theme.empty(title, WAITING)
    room = 20 * max(0, len(sides) - 2)  # for a legend of more lines, where the window is narrow
    fig = theme.figure(_escaped(title), x, height=110 + room + (18 + 16 * len(sides)) * len(lines))
    if reference is not None:
        fig.add_vline(reference, line={"color": theme.GREY, "width": 1, "dash": "dash"})
    for side, spans in enumerate(gather(lines, sides)):
        fig.add_scatter(
            x=spans.values,
            y=spans.places,
            name=_escaped(spans.name),
            mode="markers",
            marker={"size": 9, "color": theme.LINES[side % len(theme.LINES)]},
            error_x={"array": spans.above, "arrayminus": spans.below, "width": 4},
            customdata=spans.notes,
            hovertemplate="%{customdata}<extra></extra>",
        )
    labels = [_escaped(label if len(label) <= LONGEST else f"{label[: LONGEST - 1]}…") for label in lines]
    fig.update_yaxes(
        tickvals=list(range(len(labels))), ticktext=labels, range=[len(labels) - 0.4, -0.6], automargin=True
    )
    fig.update_yaxes(fixedrange=True, showgrid=False, zeroline=False)
    return fig.update_layout(showlegend=len(sides) > 1, margin={"t": 76 + room, "b": 40}).update_xaxes(
        fixedrange=True, nticks=7, showgrid=True
    )


def _escaped(text: str) -> str:
    """Text of a user where plotly would read tags."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
