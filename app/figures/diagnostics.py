"""What users of tiny models meet first: copied runs, and figures along a distance, a position or a temperature."""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

import numpy as np
import plotly.graph_objects as go

from app import theme
from app.figures.forest import forest
from probes.metrics import Measured

COPIED = "How long are the copied runs?"
WAITING = "Two lines: what the model wrote, and what authors wrote at the same places."
SCRIPTS = "What does each script cost?"
COLOURS = {"the model": theme.LINES[0], "authors": theme.LINES[1]}


class Steps(NamedTuple):
    """Of one side: lengths in bytes, and the share of its texts with a run at least as long; of how many `texts`."""

    name: str
    lengths: list[int]
    shares: list[float]
    texts: int


class Curve(NamedTuple):
    """Figures along an axis, and both ends of their intervals (a figure's own place if it has none)."""

    name: str
    places: list[float]
    values: list[float]
    above: list[float]
    below: list[float]
    notes: list[str]


def steps(runs: Mapping[str, Sequence[float]]) -> list[Steps]:
    """The longest run of each text of every side, as shares that fall with the length; a side without texts has none.

    Raises:
        ValueError: a length is below 0.
    """
    found = []
    for name, lengths in runs.items():
        own = np.sort(np.asarray(lengths, dtype=np.int64))
        if len(own) and own[0] < 0:
            raise ValueError(f"a run of {own[0]} bytes")
        if len(own):
            places = np.unique(np.append(own, 0))
            shares = 1 - np.searchsorted(own, places, side="left") / len(own)
            found.append(Steps(name, places.tolist(), shares.tolist(), len(own)))
    return found


def copied(runs: Mapping[str, Sequence[float]] | None, line: int) -> go.Figure:
    """A falling line a side; the dashed line marks where a run is as long as a line of text."""
    sides = steps(runs or {})
    if not sides:
        return theme.empty(COPIED, WAITING)
    fig = theme.figure(COPIED, "bytes of the longest copied run", "share of texts with one as long", 380)
    fig.add_vline(line, line={"color": theme.GREY, "width": 1, "dash": "dash"})
    for side in sides:
        fig.add_scatter(
            x=side.lengths,
            y=side.shares,
            name=f"{side.name}, {side.texts:,} texts",
            mode="lines",
            line={"shape": "vh", "width": 2, "color": COLOURS.get(side.name)},
            hovertemplate="%{y:.1%} have a run of %{x} bytes or more<extra></extra>",
        )
    most = max(line, *(side.lengths[-1] for side in sides))
    fig.update_layout(showlegend=True).update_xaxes(fixedrange=True, range=[0, 1.04 * most])
    return fig.update_yaxes(tickformat=".0%", range=[0, 1.02], fixedrange=True)


def scripts(costs: Mapping[str, Measured], floors: Mapping[str, float]) -> go.Figure:
    """What a byte of each script costs, the cheapest first, beside what it costs who knows byte frequencies alone."""
    order = sorted(costs, key=lambda name: (costs[name].value is None, costs[name].value))
    fig = forest(SCRIPTS, {name: [costs[name]] for name in order}, ("the model",), x="bits a byte")
    there = [(place, floors[name]) for place, name in enumerate(order) if name in floors]
    fig.add_scatter(
        x=[floor for _, floor in there],
        y=[place for place, _ in there],
        name="byte frequencies alone",
        mode="markers",
        marker={"size": 9, "symbol": "diamond-open", "color": theme.LINES[1]},
        hovertemplate="byte frequencies alone: %{x:.3f}<extra></extra>",
    )
    return fig.update_layout(showlegend=True, height=150 + 24 * len(order))


def gather(series: Mapping[str, Mapping[float, Measured]]) -> list[Curve]:
    """A curve a series, in the order of its places; what is undefined has no mark."""
    found = []
    for name, figures in series.items():
        curve = Curve(name, [], [], [], [], [])
        for place, own in sorted(figures.items()):
            if own.value is None:
                continue
            low, high = (own.value if end is None else end for end in (own.low, own.high))
            curve.places.append(place)
            curve.values.append(own.value)
            curve.above.append(high - own.value)
            curve.below.append(own.value - low)
            within = "no interval" if own.low is None else f"{low:.3f} to {high:.3f}"
            curve.notes.append(f"{place:g}: {own.value:.3f}, {within}<br>n = {own.n:,}")
        if curve.places:
            found.append(curve)
    return found


def along(
    title: str,
    series: Mapping[str, Mapping[float, Measured]],
    x: str,
    y: str,
    across: float | None = None,
    up: float | None = None,
) -> go.Figure:
    """Figures along an axis; dashed lines stand at the height `across` and at the place `up`."""
    curves = gather(series)
    if not curves:
        return theme.empty(title, "Nothing was measured here; the notes below say why.")
    fig = theme.figure(title, x, y, 340)
    dashed = {"color": theme.GREY, "width": 1, "dash": "dash"}
    if across is not None:
        fig.add_hline(across, line=dashed)
    if up is not None:
        fig.add_vline(up, line=dashed)
    for number, curve in enumerate(curves):
        fig.add_scatter(
            x=curve.places,
            y=curve.values,
            name=curve.name,
            mode="lines+markers",
            line={"color": theme.LINES[number], "width": 2},
            marker={"size": 8},
            error_y={"array": curve.above, "arrayminus": curve.below, "width": 4},
            customdata=curve.notes,
            hovertemplate="%{customdata}<extra></extra>",
        )
    fig.update_xaxes(fixedrange=True).update_yaxes(fixedrange=True)
    return fig.update_layout(showlegend=len(curves) > 1)
