"""How sure a model says it is, against how often it is right."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go

from app import theme
from app.figures.forest import forest
from probes.metrics import Measured

TITLE, WAITING = "How often is it right?", "A dot for each degree of sureness, as soon as it was asked."
ERRORS, SPLIT, KINDS = "How far off is it?", "What is gained, what is lost?", "Is it so everywhere?"
SIDES = {"ece": "equal width", "ece_mass": "equal mass", "ece_after": "after one temperature"}
GAIN, LOSS = "#0072b2", "#d55e00"
SPREAD = 0.8  # of the room of a line that its sides take


class Diagram(NamedTuple):
    """Bins by how sure the model was, and the rising line; every list is one entry a bin, or a step of the line.

    Attributes:
        sure, right: mean confidence, and share of right ones; `above` and `below` reach to the ends of its interval.
        low, high: where 95 % of calibrated models would have it; None where that cannot be said.
        sizes: of the dots, by the rows behind them.
        x, y: the line.
    """

    sure: list[float]
    right: list[float]
    above: list[float]
    below: list[float]
    low: list[float] | None
    high: list[float] | None
    sizes: list[float]
    notes: list[str]
    x: list[float]
    y: list[float]


def gather(bins: pd.DataFrame, line: pd.DataFrame) -> Diagram:
    """One confidence of the tables `reliability` and `line` of the probe."""
    banded = bool(bins["band_low"].notna().all())
    notes = [
        f"says {theme.percent(row['confidence'])}, is right {theme.percent(row['accuracy'])}<br>{row['n']:,} answers, "
        f"said from {theme.percent(row['low'])} to {theme.percent(row['high'])}"
        for row in bins.to_dict("records")
    ]
    return Diagram(
        bins["confidence"].tolist(),
        bins["accuracy"].tolist(),
        (bins["accuracy_high"] - bins["accuracy"]).fillna(0).tolist(),
        (bins["accuracy"] - bins["accuracy_low"]).fillna(0).tolist(),
        bins["band_low"].tolist() if banded else None,
        bins["band_high"].tolist() if banded else None,
        (7 + 15 * (bins["n"] / bins["n"].sum()) ** 0.5).tolist(),
        notes,
        line["x"].tolist(),
        line["y"].tolist(),
    )


def reliability(bins: pd.DataFrame | None, line: pd.DataFrame | None) -> go.Figure:
    """The reliability diagram: on the dashed line what is said is true."""
    if bins is None or line is None or bins.empty:
        return theme.empty(TITLE, WAITING)
    found = gather(bins, line)
    fig = theme.figure(TITLE, "how sure it says it is", "how often it is right", 460)
    if found.low is not None and found.high is not None:
        _band(fig, found.sure, found.low, found.high)
    fig.add_scatter(
        x=[0, 1], y=[0, 1], mode="lines", line={"color": theme.GREY, "dash": "dash", "width": 1}, name="as it says"
    )
    fig.add_scatter(
        x=found.x,
        y=found.y,
        mode="lines",
        line={"color": theme.LINES[1], "width": 2},
        name="best rising line",
        hovertemplate="says %{x:.1%}, would be right %{y:.1%}<extra>best rising line</extra>",
    )
    fig.add_scatter(
        x=found.sure,
        y=found.right,
        mode="markers",
        marker={"color": theme.LINES[0], "size": found.sizes, "line": {"width": 1, "color": "white"}},
        error_y={"array": found.above, "arrayminus": found.below, "width": 3},
        customdata=found.notes,
        hovertemplate="%{customdata}<extra></extra>",
        name="answers, in bins",
    )
    fig.update_xaxes(tickformat=".0%", range=[-0.03, 1.03], fixedrange=True)
    return fig.update_yaxes(tickformat=".0%", range=[-0.03, 1.03], fixedrange=True).update_layout(showlegend=False)


def _band(fig: go.Figure, x: list[float], low: list[float], high: list[float]) -> None:
    """A grey area between two lines."""
    for y, fill in ((high, None), (low, "tonexty")):
        fig.add_scatter(
            x=x,
            y=y,
            mode="lines",
            line={"width": 0},
            fill=fill,
            fillcolor="rgba(128,128,128,0.25)",
            hoverinfo="skip",
        )


def measured(row: Mapping[Any, Any], name: str) -> Measured | None:
    """A figure of a row of the table `measures`; None where there is none."""
    value, low, high = (row.get(f"{name}{end}") for end in ("", "_low", "_high"))
    if value is None or pd.isna(value):
        return None
    ends = [None if end is None or pd.isna(end) else float(end) for end in (low, high)]
    return Measured(float(value), ends[0], ends[1], int(row["rows"]))


def label(row: Mapping[Any, Any]) -> str:
    """What a row of the table is called: `questions: reply_p`."""
    return f"{row['part']}: {row['signal']}"


def errors(measures: pd.DataFrame) -> go.Figure:
    """Calibration errors of all confidences, both ways and after a temperature; behind each, what chance would give."""
    rows = measures.to_dict("records")
    fig = forest(
        ERRORS, {label(row): [measured(row, name) for name in SIDES] for row in rows}, list(SIDES.values()), 0.0
    )
    for side, name in enumerate(("ece_band", "ece_mass_band")):
        there = [(place, row[name]) for place, row in enumerate(rows) if not pd.isna(row[name])]
        fig.add_bar(
            y=[place + (side - (len(SIDES) - 1) / 2) * SPREAD / len(SIDES) for place, _ in there],
            x=[band for _, band in there],
            orientation="h",
            width=SPREAD / len(SIDES) * 0.9,
            marker={"color": "rgba(128,128,128,0.3)"},
            showlegend=False,
            hovertemplate="95 % of calibrated models are below %{x:.3f}<extra></extra>",
        )
    return fig.update_layout(barmode="overlay").update_xaxes(rangemode="tozero")


class Balance(NamedTuple):
    """What knowing gains over always saying the same, what saying it wrongly loses, and what is left."""

    labels: list[str]
    gained: list[float]
    lost: list[float]
    left: list[float]


def gather_split(measures: pd.DataFrame) -> Balance:
    """The Brier score of each confidence, less the uncertainty; gains count below 0."""
    there = measures[measures["miscalibration"].notna()]
    labels = [label(row) for row in there.to_dict("records")]
    left = (there["brier"] - there["uncertainty"]).tolist()
    return Balance(labels, (-there["discrimination"]).tolist(), there["miscalibration"].tolist(), left)


def split(measures: pd.DataFrame) -> go.Figure:
    """The Brier score in its parts, a line each confidence."""
    found = gather_split(measures)
    if not found.labels:
        return theme.empty(SPLIT, "No answer can be right or wrong.")
    fig = theme.figure(SPLIT, "Brier score, less the base rate's", height=150 + 30 * len(found.labels))
    labels = [text.replace("<", "&lt;") for text in found.labels]
    for values, name, colour in (
        (found.gained, "gained", GAIN),
        (found.lost, "lost", LOSS),
    ):
        fig.add_bar(y=labels, x=values, orientation="h", name=name, marker={"color": colour}, opacity=0.75)
    fig.add_scatter(y=labels, x=found.left, mode="markers", name="left", marker={"color": theme.GREY, "size": 11})
    fig.update_traces(hovertemplate="%{y}: %{x:+.4f}<extra>%{fullData.name}</extra>")
    fig.update_xaxes(fixedrange=True, nticks=7)
    fig.update_yaxes(autorange="reversed", automargin=True, fixedrange=True)
    return fig.update_layout(barmode="relative", bargap=0.35, showlegend=True)


def kinds(measures: pd.DataFrame) -> go.Figure:
    """How sure and how often right, kind by kind; `measures` are those of one confidence."""
    lines = {
        str(row["kind"]): [measured(row, "confidence"), measured(row, "accuracy")]
        for row in measures.to_dict("records")
    }
    return forest(KINDS, lines, ("how sure it says it is", "how often it is right")).update_xaxes(tickformat=".0%")
