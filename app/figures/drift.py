"""What changed between two checkpoints: flips, scales and floats, tensor by tensor."""

from typing import TYPE_CHECKING, NamedTuple

import plotly.graph_objects as go

from app import theme
from app.figures.weights import TALLEST
from probes.names import spoken

if TYPE_CHECKING:
    from probes.drift import Drift  # which needs torch, and drawing does not

FLIPS, SCALES, FLOATS = "Trits that flipped", "How far each scale moved", "How far each table of floats moved"
KINDS = {
    "left_zero": ("left 0", theme.TRIT_COLOURS[1]),
    "became_zero": ("became 0", theme.TRIT_COLOURS[0]),
    "changed_sign": ("changed sign", theme.TRIT_COLOURS[-1]),
}
NOTHING = "Nothing here is ternary in both checkpoints."


class Flips(NamedTuple):
    """One label a ternary tensor, the share of each kind of flip, and the share that would differ by chance."""

    labels: list[str]
    shares: dict[str, list[float]]
    by_chance: list[float]


class Moves(NamedTuple):
    """One label a tensor, how far it moved, and what hovering adds."""

    labels: list[str]
    shares: list[float]
    notes: list[str]


def gather_flips(drift: "Drift | None") -> Flips | None:
    """The tensors that are ternary in both, in order."""
    if drift is None or not drift.ternary:
        return None
    rows = [vars(row) for row in drift.ternary]
    shares = {kind: [float(row[kind]) for row in rows] for kind in KINDS}
    return Flips([spoken(row["name"]) for row in rows], shares, [float(row["by_chance"]) for row in rows])


def gather_scales(drift: "Drift | None") -> Moves | None:
    """The scales of those tensors: the second over the first, less 1."""
    if drift is None or not drift.ternary:
        return None
    notes = [f"from {row.scale_before:.4g} to {row.scale_after:.4g}" for row in drift.ternary]
    return Moves([spoken(row.name) for row in drift.ternary], [row.scale_change or 0.0 for row in drift.ternary], notes)


def gather_floats(drift: "Drift | None") -> Moves | None:
    """The matrices of floats: the length of the difference over the length of the first."""
    rows = [] if drift is None else [row for row in drift.floats if row.relative_change is not None]
    if not rows:
        return None
    notes = ["cosine undefined" if row.cosine is None else f"cosine {row.cosine:.3f}" for row in rows]
    return Moves([spoken(row.name) for row in rows], [row.relative_change or 0.0 for row in rows], notes)


def flips(drift: "Drift | None") -> go.Figure:
    """How many trits of each tensor are others in the second checkpoint, and how many would be by chance."""
    bars = gather_flips(drift)
    if bars is None:
        return theme.empty(FLIPS, NOTHING)
    fig = _lying(FLIPS, len(bars.labels))
    for kind, shares in bars.shares.items():
        name, colour = KINDS[kind]
        hover = "%{y}: %{x:.2%} " + name + "<extra></extra>"
        fig.add_bar(y=bars.labels, x=shares, name=name, orientation="h", marker={"color": colour}, hovertemplate=hover)
    fig.add_scatter(
        y=bars.labels,
        x=bars.by_chance,
        name="by chance",
        mode="markers",
        marker={"symbol": "line-ns-open", "size": 16, "color": theme.LINES[3], "line": {"width": 3}},
        hovertemplate="%{y}: %{x:.1%} would differ by chance<extra></extra>",
    )
    fig.update_layout(barmode="stack", legend={"traceorder": "normal"})
    return fig.update_xaxes(range=[0, 1], dtick=0.25, tickformat=".0%")


def scales(drift: "Drift | None") -> go.Figure:
    """By how much the scale of each ternary tensor grew or shrank."""
    return _moves(SCALES, gather_scales(drift), NOTHING, "+.1%")


def floats(drift: "Drift | None") -> go.Figure:
    """By how much of its own length each matrix of floats changed."""
    return _moves(FLOATS, gather_floats(drift), "The two have no matrix of floats.", ".1%")


def _moves(title: str, moves: Moves | None, nothing: str, number: str) -> go.Figure:
    if moves is None:
        return theme.empty(title, nothing)
    fig = _lying(title, len(moves.labels))
    fig.add_bar(
        y=moves.labels,
        x=moves.shares,
        text=[format(share, number).replace("%", " %").replace("-", "−") for share in moves.shares],
        textposition="auto",
        textangle=0,
        customdata=moves.notes,
        orientation="h",
        marker={"color": theme.LINES[4]},
        insidetextfont={"color": "black"},
        hovertemplate="%{y}: %{x:" + number + "}<br>%{customdata}<extra></extra>",
    )
    fig.update_layout(margin={"t": 48})
    return fig.update_xaxes(tickformat=number.replace(".1", ".0"), nticks=5, rangemode="tozero")


def _lying(title: str, rows: int) -> go.Figure:
    """Room for one horizontal bar a tensor, the first on top."""
    fig = theme.figure(title, height=min(130 + 30 * rows, TALLEST))
    fig.update_layout(bargap=0.25, margin={"b": 32, "r": 28})
    fig.update_xaxes(fixedrange=True)
    return fig.update_yaxes(autorange="reversed", automargin=True, showgrid=False, fixedrange=True)
