"""Two models of one shape: where their routers choose differently, and how much their heads look at the same bytes."""

from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go

from app import theme
from app.figures.strip import Cell, Colour, rgb, table
from probes.routing import name_of
from probes.twins import Twins

COLOURS: dict[str, Colour] = {name: rgb(colour) for name, colour in theme.PATHWAY_COLOURS.items()}
SHARES = "Share of the mix, {} less A"
KEPT, ATTENTION = "Kept by both, head by head", "Attention on the same bytes, head by head"
BLANK: Colour = (0, 0, 0)


class Bars(NamedTuple):
    """One group of bars a block: by pathway, the share in `letter` less that in A, and both as words."""

    letter: str
    blocks: list[str]
    differences: dict[str, list[float]]
    notes: dict[str, list[str]]


class Grid(NamedTuple):
    """Blocks against heads: a share each, NaN where there is none, and what hovering says."""

    title: str
    blocks: list[str]
    heads: list[str]
    shares: list[list[float]]
    notes: list[list[str]]


def gather_shares(twins: Twins | None) -> Bars | None:
    """Differences of the mean shares, block by block."""
    if twins is None or twins.routing is None:
        return None
    routing, letter = twins.routing, twins.letter
    table, pathways = routing.shares, routing.one.pathways
    by_pathway = {name: table[table["pathway"] == name] for name in pathways}
    notes = {
        name: [
            f"A {theme.percent(a)}, {letter} {theme.percent(b)}"
            for a, b in zip(rows["one"], rows["other"], strict=True)
        ]
        for name, rows in by_pathway.items()
    }
    differences = {name: rows["difference"].tolist() for name, rows in by_pathway.items()}
    return Bars(letter, [name_of(n) for n in routing.one.numbers], differences, notes)


def gather_heads(twins: Twins | None) -> Grid | None:
    """Kept keys that both keep, where heads have to choose; else attention on the same bytes."""
    if twins is None or not len(twins.attention):
        return None
    column = "kept" if twins.attention["kept"].notna().any() else "attention"
    if not twins.attention[column].notna().any():
        return None
    wide = twins.attention.pivot(index="block", columns="head", values=column)
    notes = [[_note(row, twins.letter) for _, row in rows.iterrows()] for _, rows in twins.attention.groupby("block")]
    blocks, heads = [name_of(int(n)) for n in wide.index], [str(n) for n in wide.columns]
    return Grid(KEPT if column == "kept" else ATTENTION, blocks, heads, np.asarray(wide, dtype=float).tolist(), notes)


def shares(twins: Twins | None) -> go.Figure:
    """Which pathways the other turns up or down, block by block."""
    bars = gather_shares(twins)
    if bars is None:
        return theme.empty(SHARES.format("B"), "Appears for two routed checkpoints of one shape.")
    fig = theme.figure(SHARES.format(bars.letter), "", "difference of the shares", height=340)
    for name, values in bars.differences.items():
        fig.add_bar(
            x=bars.blocks,
            y=values,
            name=name,
            marker={"color": theme.PATHWAY_COLOURS[name]},
            text=bars.notes[name],
            textposition="none",
            hovertemplate="%{x}: %{text}, %{y:+.1%}<extra>" + name + "</extra>",
        )
    fig.update_layout(barmode="group", bargap=0.25)
    fig.update_xaxes(fixedrange=True)
    return fig.update_yaxes(tickformat="+.0%", fixedrange=True)


def heads(twins: Twins | None) -> go.Figure:
    """Blocks against heads: the share of what a head of A keeps that the same head of B keeps too."""
    grid = gather_heads(twins)
    if grid is None:
        return theme.empty(KEPT, "Appears for checkpoints that attend, on a text long enough to choose from.")
    fig = theme.figure(grid.title, "head", "", height=150 + 36 * len(grid.blocks))
    fig.add_heatmap(
        x=grid.heads,
        y=grid.blocks,
        z=grid.shares,
        zmin=0,
        zmax=1,
        colorscale=theme.SEQUENTIAL,
        text=grid.notes,
        hovertemplate="%{y}, head %{x}<br>%{text}<extra></extra>",
        xgap=1,
        ygap=1,
        colorbar={"tickformat": ".0%", "thickness": 12},
    )
    fig.update_xaxes(type="category", showgrid=False, fixedrange=True)
    return fig.update_yaxes(type="category", autorange="reversed", showgrid=False, fixedrange=True)


def choices_strip(twins: Twins) -> str:
    """The bytes that both read, and under each, block by block, what the other leans on where that is not what A leans
    on."""
    if twins.routing is None:
        return ""
    one, other, ids = twins.routing.one, twins.routing.other, twins.routing.one.ids.tolist()
    rows = [("text", [Cell(theme.glyph(byte), BLANK, 0.0, f"byte {i}") for i, byte in enumerate(ids)])]
    for row, number in enumerate(one.numbers):
        cells = []
        for i in range(len(ids)):
            before, after = (one.pathways[w[row, i].argmax()] for w in (one.weights, other.weights))
            said = f"byte {i}\n{name_of(number)}: A {before}, {twins.letter} {after}"
            same = before == after
            cells.append(Cell("·" if same else after[0], BLANK if same else COLOURS[after], 0.0 if same else 1.0, said))
        rows.append((name_of(number), cells))
    return table(rows)


def _note(row: "pd.Series[float]", letter: str) -> str:
    """What hovering over one head says."""
    alike = f"attention on the same bytes: {theme.percent(row['attention'])}"
    if np.isnan(row["kept"]):
        return alike
    kept = f"kept by both: {theme.percent(row['kept'])}, at random it would be {theme.percent(row['chance'])}"
    return f"{kept}<br>most alike: head {row['most_head']:.0f} of {letter}, {theme.percent(row['most'])}<br>{alike}"
