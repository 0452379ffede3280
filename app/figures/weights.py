"""What weights are made of: the floats behind one tensor, and the trits of all ternary ones."""

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import plotly.graph_objects as go

from app import theme
from probes.names import spoken

if TYPE_CHECKING:
    from probes.latents import Latent  # which needs torch, and drawing does not
    from probes.weights import TensorFacts

HISTOGRAM, TRITS = "The floats behind one tensor", "Trits, tensor by tensor"
SIGNS = {-1: "−1", 0: "0", 1: "+1"}
TALLEST = 1400


class Bars(NamedTuple):
    """Bars of a histogram, one list of heights a colour: trit (None for a float tensor) -> weights in each bin."""

    centres: list[float]
    widths: list[float]
    heights: dict[int | None, list[int | None]]


class Shares(NamedTuple):
    """One label a ternary tensor, and the share of each trit in it."""

    labels: list[str]
    shares: dict[int, list[float]]


def gather_histogram(latent: "Latent | None") -> Bars | None:
    """Bins by the trit that their weights are rounded to."""
    if latent is None or not len(latent.counts):
        return None
    centres = (latent.edges[:-1] + latent.edges[1:]) / 2
    widths, counts = np.diff(latent.edges).tolist(), latent.counts.tolist()
    if latent.threshold is None:
        return Bars(centres.tolist(), widths, {None: counts})
    trits = (np.sign(centres) * (np.abs(centres) > latent.threshold)).astype(int).tolist()
    heights: dict[int | None, list[int | None]] = {
        trit: [n if mine == trit else None for n, mine in zip(counts, trits, strict=True)] for trit in SIGNS
    }
    return Bars(centres.tolist(), widths, heights)


def gather_shares(facts: "list[TensorFacts]") -> Shares | None:
    """The ternary tensors among them, in order."""
    rows = [(row.name, row.minus, row.zero, row.plus) for row in facts]
    ternary = [(spoken(name), a, b, c) for name, a, b, c in rows if a is not None and b is not None and c is not None]
    if not ternary:
        return None
    labels, minus, zero, plus = (list(column) for column in zip(*ternary, strict=True))
    return Shares(labels, {-1: minus, 0: zero, 1: plus})


def histogram(latent: "Latent | None") -> go.Figure:
    """How the floats of one tensor are spread, coloured by the trit they are rounded to, with both thresholds and
    what is near them."""
    bars = gather_histogram(latent)
    if latent is None or bars is None:
        return theme.empty(HISTOGRAM, "Choose a tensor to see how its weights are spread.")
    title = f"The floats {'behind' if latent.threshold else 'of'} {spoken(latent.name)}"
    fig = theme.figure(title, "weight before rounding" if latent.threshold else "weight", "how many", height=400)
    for trit, heights in bars.heights.items():
        name = "float" if trit is None else f"becomes {SIGNS[trit]}"
        fig.add_bar(
            x=bars.centres,
            y=heights,
            width=bars.widths,
            name=name,
            marker={"color": theme.LINES[0] if trit is None else theme.TRIT_COLOURS[trit], "line": {"width": 0}},
            hovertemplate="about %{x:.3g}: %{y:,} weights<extra>" + name + "</extra>",
        )
    if latent.threshold is not None and latent.scale is not None:
        reach = latent.near * latent.scale
        for threshold in (-latent.threshold, latent.threshold):
            fig.add_vline(threshold, line={"dash": "dash", "width": 2, "color": theme.LINES[0]})
            fig.add_vrect(threshold - reach, threshold + reach, fillcolor=theme.LINES[3], opacity=0.25, line_width=0)
        fig.update_xaxes(range=[float(latent.edges[0]), float(latent.edges[-1])])
    fig.update_layout(barmode="overlay", bargap=0, showlegend=latent.threshold is not None)
    fig.update_xaxes(fixedrange=True)
    return fig.update_yaxes(fixedrange=True, tickformat="~s")


def shares(facts: "list[TensorFacts]") -> go.Figure:
    """How much of each ternary tensor is -1, 0 and +1."""
    bars = gather_shares(facts)
    if bars is None:
        return theme.empty(TRITS, "Nothing here is rounded to trits.")
    fig = theme.figure(TRITS, "", "", height=min(150 + 28 * len(bars.labels), TALLEST))
    for trit, values in bars.shares.items():
        fig.add_bar(
            y=bars.labels,
            x=values,
            name=SIGNS[trit],
            orientation="h",
            marker={"color": theme.TRIT_COLOURS[trit]},
            text=[theme.percent(value) if value >= 0.15 else "" for value in values],
            textposition="inside",
            insidetextanchor="middle",
            textangle=0,
            hovertemplate="%{y}: %{x:.1%} are " + SIGNS[trit] + "<extra></extra>",
        )
    fig.update_layout(barmode="stack", bargap=0.2, legend={"traceorder": "normal"}, margin={"r": 28})
    fig.update_xaxes(range=[0, 1], dtick=0.25, tickformat=".0%", fixedrange=True)
    return fig.update_yaxes(autorange="reversed", automargin=True, showgrid=False, fixedrange=True)


def caption(latent: "Latent") -> str:
    """How to read the histogram, and what lies outside it."""
    outside = "Every weight is in the picture."
    if beyond := latent.below + latent.above:
        outside = (
            f"Outside the picture lie {latent.below:,} weights below and {latent.above:,} above "
            f"({_small(beyond / latent.total)} of all); the lowest is {latent.lowest:.3g}, the highest "
            f"{latent.highest:.3g}."
        )
    if latent.close is None:
        return f"These floats are used as they are. {outside}"
    return (
        f"Between the dashed lines a weight is rounded to 0, beyond them to −1 or +1. {latent.close:,} weights "
        f"({theme.percent(latent.close / latent.total)}) are in the shaded bands, at most {latent.near:g} scales from "
        f"a line: a little training may flip them. {outside}"
    )


def _small(share: float) -> str:
    return theme.percent(share) if share >= 0.0005 else "less than 0.1 %"
