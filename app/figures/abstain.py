"""What a chat model does with questions whose answer it could know, and with those whose answer it cannot."""

from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from app import theme
from probes.abstain import GATED, NOTHING, WORDED
from probes.metrics import Measured
from probes.workbench import Choice, Selective

TITLE, WAITING = "What does it do?", "What it did with every kind of question, as soon as it was asked."
COLOURS = {
    "right": "#009e73",
    "wrong": "#d55e00",
    "answered": "#e69f00",
    GATED: "#0072b2",
    WORDED: "#56b4e9",
    NOTHING: "#999999",
}
SAID = {"answered": "answered what it cannot know"}
KINDS = {True: "it could know", False: "it cannot know"}
MARK = {"mode": "markers", "marker": {"color": theme.LINES[1], "size": 11}}
COST, RISK = "What does a threshold cost?", "If only the surest are let through, how many are wrong?"


class Bars(NamedTuple):
    """One outcome: its share of each kind of question, and the counts behind it."""

    outcome: str
    shares: list[float]
    notes: list[str]


def gather(outcomes: pd.DataFrame) -> tuple[list[tuple[str, str]], list[Bars]]:
    """Kinds of questions (part, whether it could know), and the bars of each outcome that occurs."""
    counts = {(str(part), bool(yes), str(outcome)): int(n) for part, yes, outcome, n in outcomes.to_numpy().tolist()}
    totals: dict[tuple[str, bool], int] = {}
    for (part, yes, _), n in counts.items():
        totals[part, yes] = totals.get((part, yes), 0) + n
    kinds = [kind for kind, total in totals.items() if total]
    bars = []
    for outcome in COLOURS:
        own = [counts.get((*kind, outcome), 0) for kind in kinds]
        if any(own):
            notes = [f"{outcome}: {n:,} of {totals[kind]:,}" for n, kind in zip(own, kinds, strict=True)]
            bars.append(Bars(outcome, [n / totals[kind] for n, kind in zip(own, kinds, strict=True)], notes))
    return [(part, KINDS[yes]) for part, yes in kinds], bars


def outcomes(table: pd.DataFrame | None) -> go.Figure:
    """A bar a kind of question, in shares, so that parts of different sizes can be compared."""
    if table is None or not table["rows"].sum():
        return theme.empty(TITLE, WAITING)
    kinds, bars = gather(table)
    fig = theme.figure(TITLE, "share of the questions", height=150 + 34 * len(kinds))
    labels = [[part.replace("<", "&lt;") for part, _ in kinds], [kind for _, kind in kinds]]
    for bar in bars:
        fig.add_bar(
            y=labels,
            x=bar.shares,
            orientation="h",
            name=SAID.get(bar.outcome, bar.outcome),
            marker={"color": COLOURS[bar.outcome]},
            customdata=bar.notes,
            hovertemplate="%{customdata}<extra></extra>",
        )
    fig.update_layout(barmode="stack", showlegend=True, bargap=0.25, legend_traceorder="normal")
    fig.update_xaxes(tickformat=".0%", range=[0, 1], fixedrange=True)
    return fig.update_yaxes(autorange="reversed", automargin=True, fixedrange=True, dividercolor=theme.GREY)


def cost(choice: Choice) -> go.Figure:
    """What thresholds cost on the calibration rows, and what the cheapest of them costs on the test rows."""
    fig = theme.figure(COST, "share of questions left without an answer by the gate", "cost a question", height=340)
    curve = choice.curve
    fig.add_scatter(
        x=curve["silent"],
        y=curve["cost"],
        name="calibration rows: chosen on these",
        mode="lines",
        line={"color": theme.LINES[0], "width": 2, "shape": "hv"},
        customdata=curve["threshold"],
        hovertemplate=f"{choice.signal} %{{customdata:.4g}}<br>cost %{{y:.3f}}<extra></extra>",
    )
    share = float(choice.rows["silent"].mean())
    found = choice.policies["chosen here"]["cost"]
    fig.add_scatter(x=[share], y=[found.value], name="test rows: read on these", error_y=_bar(found), **MARK)
    fig.update_xaxes(tickformat=".0%", range=[-0.02, 1.02], fixedrange=True)
    return fig.update_layout(showlegend=True).update_yaxes(rangemode="tozero", fixedrange=True)


def risk(found: Selective) -> go.Figure:
    """Share of wrong ones among the replies let through, by how many are; with Wilson intervals."""
    curve = found.curve
    if curve.empty:
        return theme.empty(RISK, "No reply gives an answer.")
    fig = theme.figure(RISK, "coverage: share of the answers let through", "risk: share of them that is wrong", 340)
    for end, fill in (("high", None), ("low", "tonexty")):
        fig.add_scatter(
            x=curve["coverage"],
            y=curve[end],
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor="rgba(0,114,178,0.2)",
            name="95 % of one point",
            showlegend=fill is not None,
            hoverinfo="skip",
        )
    fig.add_scatter(
        x=curve["coverage"],
        y=curve["risk"],
        name="risk",
        mode="lines",
        line={"color": theme.LINES[0], "width": 2},
        customdata=curve["threshold"],
        hovertemplate="coverage %{x:.1%}, risk %{y:.1%}<br>signal %{customdata:.4g}<extra></extra>",
    )
    all_of_them = float(curve["risk"].iloc[-1])
    fig.add_hline(all_of_them, line={"color": theme.GREY, "width": 1, "dash": "dash"})
    fig.update_xaxes(tickformat=".0%", range=[0, 1.02], fixedrange=True)
    return fig.update_yaxes(tickformat=".0%", range=[0, 1.05], fixedrange=True).update_layout(showlegend=True)


def _bar(found: Measured) -> dict[str, list[float]] | None:
    if found.value is None or found.low is None or found.high is None:
        return None
    return {"array": [found.high - found.value], "arrayminus": [found.value - found.low]}
