"""Which signals tell what is foreign to a model, and which tell what it gets wrong."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go

from app import theme
from app.figures.forest import forest
from app.figures.xray import HARMS, HELPS, INK
from probes.metrics import Measured

GRID, WAITING = "How often does a signal tell?", "A cell for each signal and kind of question, as soon as it was asked."
SURE = "Sure when right, unsure when wrong?"
SCALE = ((0, HARMS), (0.5, "#c8c8c8"), (1, HELPS))  # equally light, so that dark ink can be read on all
BOTH = ("all prompts", "prompts of like lengths")
RIGHT = {True: ("right", "#009e73"), False: ("wrong", "#d55e00")}
BINS = {"start": 0.5, "end": 1.0001, "size": 0.05}


class Grid(NamedTuple):
    """Regimes across, signals down: AUROC (signals, regimes), None where undefined; what stands in and over each."""

    regimes: list[str]
    signals: list[str]
    values: list[list[float | None]]
    words: list[list[str]]
    notes: list[list[str]]


def gather(table: pd.DataFrame) -> Grid:
    """The table of one question, as it stands in the result."""
    regimes, signals = ([*dict.fromkeys(table[name])] for name in ("regime", "signal"))
    cells = {(row["signal"], row["regime"]): row for row in table.to_dict("records")}
    rows = [[cells.get((signal, regime), {}) for regime in regimes] for signal in signals]
    return Grid(
        regimes,
        signals,
        [[None if _none(row.get("auroc")) else float(row["auroc"]) for row in own] for own in rows],
        [["–" if _none(row.get("auroc")) else _short(row["auroc"]) for row in own] for own in rows],
        [[_note(row) for row in own] for own in rows],
    )


def grid(table: pd.DataFrame | None) -> go.Figure:
    """All signals in all regimes, for one of the two questions."""
    if table is None or table.empty:
        return theme.empty(GRID, WAITING)
    found = gather(table)
    fig = theme.figure(GRID, height=190 + 25 * len(found.signals))
    fig.add_heatmap(
        x=[_safe(name) for name in found.regimes],
        y=found.signals,
        z=found.values,
        zmin=0,
        zmax=1,
        colorscale=SCALE,
        text=found.words,
        texttemplate="%{text}",
        textfont={"color": INK},
        customdata=found.notes,
        hovertemplate="%{y}, %{x}<br>%{customdata}<extra></extra>",
        xgap=1,
        ygap=1,
        showscale=False,
    )
    fig.update_xaxes(showgrid=False, fixedrange=True, tickangle=-40, automargin=True, side="bottom")
    fig.update_yaxes(autorange="reversed", showgrid=False, fixedrange=True, automargin=True)
    return fig.update_layout(margin={"t": 48, "r": 8, "l": 8, "b": 8})


def signals(table: pd.DataFrame, regime: str) -> go.Figure:
    """All signals in one regime with their intervals, and again among prompts of like lengths."""
    own = table[table["regime"] == regime]
    return forest(f"AUROC, {regime}", {row["signal"]: pair(row) for row in own.to_dict("records")}, BOTH, 0.5)


def pair(row: Mapping[Any, Any]) -> list[Measured | None]:
    """AUROC among all prompts, and among those of like lengths."""
    ends = (("auroc", "low", "high", "n"), ("matched", "matched_low", "matched_high", "matched_pairs"))
    return [measured(row, *names) for names in ends]


def rule(table: pd.DataFrame, margin: float, title: str) -> go.Figure:
    """By how much a signal beats the best baseline, regime by regime; the dashed line is by how much it has to."""
    sides = list(dict.fromkeys(zip(table["signal"], table["against"], strict=True)))
    rows = {(r["regime"], r["signal"], r["against"]): r for r in table.to_dict("records")}
    lines = {
        regime: [measured(rows.get((regime, *side), {}), "difference", "low", "high", "n") for side in sides]
        for regime in dict.fromkeys(table["regime"])
    }
    names = [f"{signal}, {'the rule as published' if how == 'as published' else how}" for signal, how in sides]
    return forest(title, lines, names, margin)


def conditions(results: Mapping[str, Mapping[str, Measured]], title: str) -> go.Figure:
    """AUROC of a signal by regime, in several models side by side."""
    regimes = dict.fromkeys(regime for own in results.values() for regime in own)
    lines = {regime: [own.get(regime) for own in results.values()] for regime in regimes}
    return forest(title, lines, list(results), 0.5)


def sure(trials: pd.DataFrame | None) -> go.Figure:
    """How sure forced choices were, the right ones beside the wrong ones."""
    if trials is None or trials.empty:
        return theme.empty(SURE, "No forced choice was made.")
    fig = theme.figure(SURE, "how sure the choice was", "share of them", 340)
    for right, (name, colour) in RIGHT.items():
        own = trials["confidence"][trials["right"] == right]
        fig.add_histogram(
            x=own.tolist(),
            xbins=BINS,
            histnorm="probability",
            name=f"{name} ({len(own):,})",
            marker={"color": colour},
            hovertemplate="%{x}: %{y:.0%}<extra>" + name + "</extra>",
        )
    fig.update_xaxes(tickformat=".0%", range=[0.49, 1.01], fixedrange=True)
    fig.update_yaxes(tickformat=".0%", fixedrange=True)
    return fig.update_layout(barmode="group", bargap=0.15, showlegend=True)


def measured(row: Mapping[Any, Any], value: str, low: str, high: str, n: str) -> Measured | None:
    """A figure of a row of a table; None where it is undefined."""
    if _none(row.get(value)):
        return None
    ends = [None if _none(row.get(end)) else float(row[end]) for end in (low, high)]
    count = row.get(n)
    return Measured(float(row[value]), ends[0], ends[1], 0 if _none(count) else int(count or 0))


def _safe(text: str) -> str:
    """Text of a user where plotly would read tags."""
    return text.replace("<", "&lt;")


def _note(row: Mapping[Any, Any]) -> str:
    if not row or _none(row["auroc"]):
        return "undefined: all of them are of one kind"
    alike = "" if _none(row["matched"]) else f"<br>among prompts of like lengths {row['matched']:.3f}"
    ends = "no interval" if _none(row["low"]) else f"{row['low']:.3f} to {row['high']:.3f}"
    return f"AUROC {row['auroc']:.3f}, {ends}<br>{row['positives']:,} of {row['n']:,}; q = {row['q']:.3f}{alike}"


def _short(value: float) -> str:
    """0.934 -> '.93', 1 -> '1', 0 -> '0'."""
    return f"{value:.2f}".removeprefix("0").removesuffix(".00") or "0"


def _none(value: Any) -> bool:
    return value is None or bool(pd.isna(value))
