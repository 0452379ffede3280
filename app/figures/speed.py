"""How fast engines write, a bar each, and what leaving out small router weights costs and saves, a line each."""

from collections.abc import Sequence
from statistics import median
from typing import NamedTuple

import plotly.graph_objects as go

from app import theme
from probes.names import measured, percent
from probes.skipping import Point
from tilelli.engine.bench import Measured

SPEED, COST, SAVED = "Bytes written a second", "Cost: change in bits per byte", "Saving: computations left out"
NO_SPEED = "A bar for each engine, as soon as all have written once."
NO_CURVE = "A mark for each threshold, as soon as it is measured."
PACE = "What speed costs: bits per byte"
THRESHOLD = "weights below this are left out"
WHOLE = "all pathways"


class Lane(NamedTuple):
    """One engine: the median of its speeds, each round's, and what hovering says."""

    name: str
    middle: float
    rounds: tuple[float, ...]
    note: str


class Line(NamedTuple):
    """One pathway, or all together: places, shares and what hovering says, a threshold each."""

    name: str
    x: list[float]
    y: list[float]
    notes: list[str]


def gather(told: Sequence[Measured]) -> list[Lane]:
    """A lane for each engine that has written, in the order in which they were asked."""
    return [
        Lane(one.name, median(one.speeds), one.speeds, f"{_ran(one)}<br>{median(one.speeds):,.0f} bytes/s, median")
        for one in told
        if one.speeds
    ]


def gather_saved(points: Sequence[Point]) -> list[Line]:
    """A line for each pathway that the model has, and one for all."""
    lines = []
    for label, name in (*((pathway, pathway) for pathway in theme.PATHWAY_COLOURS), (WHOLE, "skipped")):
        own = [(point.threshold, getattr(point, name)) for point in points if getattr(point, name) is not None]
        if own:
            notes = [f"below {threshold:g}<br>{label}: {_share(share)} left out" for threshold, share in own]
            lines.append(Line(label, [x for x, _ in own], [y for _, y in own], notes))
    return lines


def lanes(told: Sequence[Measured]) -> go.Figure:
    """A bar is the median, a dot one round."""
    found = gather(told)
    if not found:
        return theme.empty(SPEED, NO_SPEED)
    fig = theme.figure(SPEED, height=130 + 44 * len(found)).update_layout(showlegend=False, margin={"t": 48, "l": 72})
    fig.add_bar(
        x=[lane.middle for lane in found],
        y=[lane.name for lane in found],
        orientation="h",
        marker={"color": theme.LINES[4]},
        width=0.6,
        customdata=[lane.note for lane in found],
        hovertemplate="%{customdata}<extra></extra>",
    )
    fig.add_scatter(
        x=[speed for lane in found for speed in lane.rounds],
        y=[lane.name for lane in found for _ in lane.rounds],
        mode="markers",
        marker={"size": 8, "color": theme.LINES[0], "opacity": 0.7},
        hovertemplate="%{y}, one round<br>%{x:,.0f} bytes/s<extra></extra>",
    )
    fig.update_yaxes(autorange="reversed", fixedrange=True, showgrid=False)
    return fig.update_xaxes(fixedrange=True, rangemode="tozero", nticks=7)


def cost(points: Sequence[Point]) -> go.Figure:
    """Bits per byte more than without leaving anything out, with intervals."""
    if not points:
        return theme.empty(COST, NO_CURVE)
    fig = theme.figure(COST, THRESHOLD).add_hline(0, line={"color": theme.GREY, "width": 1, "dash": "dash"})
    fig.add_scatter(
        x=[point.threshold for point in points],
        y=[point.change for point in points],
        error_y={
            "array": [(point.change if point.high is None else point.high) - point.change for point in points],
            "arrayminus": [point.change - (point.change if point.low is None else point.low) for point in points],
            "width": 4,
        },
        mode="lines+markers",
        line={"color": theme.LINES[5]},
        customdata=[f"below {p.threshold:g}<br>{p.bpb:.3f} bpb, {measured(p.cost)}" for p in points],
        hovertemplate="%{customdata}<extra></extra>",
    )
    return fig.update_layout(showlegend=False).update_xaxes(fixedrange=True).update_yaxes(fixedrange=True, nticks=7)


def saved(points: Sequence[Point]) -> go.Figure:
    """Which share of the multiply-adds need not be done, by pathway and of all."""
    if not points:
        return theme.empty(SAVED, NO_CURVE)
    fig = theme.figure(SAVED, THRESHOLD)
    for line in gather_saved(points):
        whole = line.name == WHOLE
        fig.add_scatter(
            x=line.x,
            y=line.y,
            name=line.name,
            mode="lines+markers",
            line={"color": theme.GREY if whole else theme.PATHWAY_COLOURS[line.name], "width": 4 if whole else 2},
            customdata=line.notes,
            hovertemplate="%{customdata}<extra></extra>",
        )
    return fig.update_xaxes(fixedrange=True).update_yaxes(
        fixedrange=True, tickformat=".0%", rangemode="tozero", nticks=7
    )


def pace(points: Sequence[Point]) -> go.Figure:
    """Bits per byte against bytes a second, a mark for each threshold that was timed."""
    timed = [point for point in points if point.speed is not None]
    if not timed:
        return theme.empty(PACE, NO_CURVE)
    fig = theme.figure(PACE, "bytes written a second")
    fig.add_scatter(
        x=[point.speed for point in timed],
        y=[point.bpb for point in timed],
        error_x={
            "array": [_further(point, point.three_quarters) for point in timed],
            "arrayminus": [-_further(point, point.quarter) for point in timed],
            "width": 4,
        },
        text=[f"{point.threshold:g}" for point in timed],
        textposition="top center",
        cliponaxis=False,
        mode="lines+markers+text",
        line={"color": theme.LINES[5]},
        customdata=[f"below {p.threshold:g}<br>{p.bpb:.3f} bpb, {p.speed:,.0f} bytes/s" for p in timed],
        hovertemplate="%{customdata}<extra></extra>",
    )
    fig.update_layout(showlegend=False).update_xaxes(fixedrange=True, nticks=7)
    return fig.update_yaxes(fixedrange=True, nticks=7)


def _further(point: Point, other: float | None) -> float:
    """How many bytes a second more it would be, were it that many times as fast instead."""
    assert point.speed is not None
    assert point.faster is not None
    assert other is not None
    return point.speed * (other / point.faster - 1)


def _ran(one: Measured) -> str:
    return f"{one.name}, another model of as many parameters" if one.model else one.name


def _share(share: float) -> str:
    return percent(share) if share else "nothing"
