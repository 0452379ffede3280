"""What one head looks at: lines over the text, every byte as a square, and how far back. All heads: `heads`."""

import html
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from app import theme
from app.figures.strip import characters, rgb
from probes.attention import Grid, KeptSet, Reach

COLUMNS = 24  # bytes a line: wide enough for a desk, still legible on a phone
SHOWN = 256  # bytes of the text drawn at once
MOST_LINES = 24  # to the heaviest; of the others only hovering tells
COLOUR = theme.PATHWAY_COLOURS["sparse"]
WAITING = "Appears as soon as there is a text."
BAR = {"orientation": "h", "y": 1, "yanchor": "bottom", "thickness": 8, "outlinewidth": 0, "tickformat": ".0%"}
GROUNDS = ((0, "#bdb6a4"), (1, COLOUR))  # opaque and equally light, so that dark ink can be read on all, in both themes
INK = "#111111"
REACH_CAPTION = (
    "Where the orange bar is higher, bytes at that distance get more attention than their number alone would give."
)


class Lines(NamedTuple):
    """A window of the text, cell by cell, and what the query sees in it.

    Attributes:
        column, row: where each byte stands.
        glyphs: its sign. names: what hovering over it says.
        attention: its share, NaN for what was not kept.
        query: index of the query in the window.
        kept: indices of the kept bytes in the window, heaviest first.
    """

    column: list[int]
    row: list[int]
    glyphs: list[str]
    names: list[str]
    attention: NDArray[np.float32]
    query: int
    kept: list[int]


def in_view(query: int, T: int) -> range:
    """Which of T bytes are drawn: all of a short text, of a longer one `SHOWN` that end with `query` if they can."""
    first = 0 if T <= SHOWN else max(0, query + 1 - SHOWN)
    return range(first, min(T, first + SHOWN))


def lines_caption(kept: KeptSet, T: int) -> str:
    """How to read `lines` of a text of T bytes, and what of it is not drawn."""
    said = (
        "Lines lead from the framed byte to those it keeps: the thicker, the more attention. What comes later is faint."
    )
    if (many := len(kept.positions)) > MOST_LINES:
        said += f" Of {many} kept bytes the heaviest {MOST_LINES} are marked; the list has all."
    window = in_view(kept.query, T)
    if len(window) < T:
        before = int((kept.positions < window.start).sum())
        said += f" Drawn: bytes {window.start} to {window.stop - 1} of {T}; {before} of the kept ones lie before them."
    return said


def square_caption(grid: Grid, T: int) -> str:
    """How to read `square` of a text of T bytes, and what of it is not drawn."""
    said = "Each row is a byte that looks, each column a byte looked at. On the diagonal a byte looks at itself."
    if (drawn := len(grid.weights)) < T:
        said += f" Drawn: bytes {grid.first} to {grid.first + drawn - 1} of {T}; the slider moves the window."
    return said


def gather_lines(kept: KeptSet | None, ids: Sequence[int]) -> Lines | None:
    """The bytes `in_view` and what is to be drawn of them."""
    if kept is None or not len(ids):
        return None
    window = in_view(kept.query, len(ids))
    first = window.start
    attention = np.full(len(window), np.nan, dtype=np.float32)
    inside = [(int(p) - first, w) for p, w in zip(kept.positions, kept.weights, strict=True) if p >= first]
    for place, weight in inside:
        attention[place] = weight
    said = [_share(share, first + i > kept.query) for i, share in enumerate(attention.tolist())]
    return Lines(
        column=[i % COLUMNS for i in range(len(window))],
        row=[i // COLUMNS for i in range(len(window))],
        glyphs=[html.escape(theme.glyph(ids[i])) for i in window],
        names=[f"{html.escape(name)}<br>{share}" for name, share in zip(names(ids)[first:], said, strict=False)],
        attention=attention,
        query=kept.query - first,
        kept=[place for place, _ in inside],
    )


def lines(kept: KeptSet | None, ids: Sequence[int]) -> go.Figure:
    """The text, and from one byte of it a line to every byte that it kept; the thicker, the more attention."""
    seen = gather_lines(kept, ids)
    if kept is None or seen is None:
        return theme.empty("What one byte looks at", WAITING)
    rows = seen.row[-1] + 1
    fig = theme.figure(f"{_place(kept)}: what byte {kept.query} looks at", height=80 + 30 * rows)
    drawn = seen.kept[:MOST_LINES]
    grounds = np.full((rows, COLUMNS), np.nan, dtype=np.float32)
    for place in drawn:
        grounds[seen.row[place], seen.column[place]] = seen.attention[place]
    most = float(seen.attention[drawn[0]]) if drawn else 1.0
    fig.add_heatmap(z=grounds, zmin=0, zmax=most, colorscale=GROUNDS, showscale=False, hoverinfo="skip", xgap=1, ygap=2)
    x, y = seen.column[seen.query], seen.row[seen.query]
    for place in drawn:
        share = float(seen.attention[place]) / most
        path_x, path_y = _arc(x, y, seen.column[place], seen.row[place])
        stroke = {"color": COLOUR, "width": 1 + 4 * share, "shape": "spline"}
        opacity = 0.3 + 0.5 * share
        fig.add_scatter(
            x=path_x, y=path_y, mode="lines", line=stroke, opacity=opacity, hoverinfo="skip", showlegend=False
        )
    plain = sorted(set(range(seen.query + 1)) - set(drawn))
    later = list(range(seen.query + 1, len(seen.glyphs)))
    for part, opacity, ink in ((plain, 1.0, None), (later, 0.4, None), (drawn, 1.0, INK)):
        sizes = [12 if len(html.unescape(seen.glyphs[i])) == 1 else 10 for i in part]
        fig.add_scatter(
            x=[seen.column[i] for i in part],
            y=[seen.row[i] for i in part],
            text=[seen.glyphs[i] for i in part],
            hovertext=[seen.names[i] for i in part],
            mode="text",
            textfont={"family": "ui-monospace, Menlo, Consolas, monospace", "size": sizes, "color": ink},
            hovertemplate="%{hovertext}<extra></extra>",
            opacity=opacity,
            showlegend=False,
        )
    fig.add_shape(x0=x - 0.5, x1=x + 0.5, y0=y - 0.5, y1=y + 0.5, line={"color": theme.LINES[0], "width": 2})
    fig.update_layout(margin={"l": 8, "r": 8, "t": 48, "b": 8}, dragmode=False)
    fig.update_xaxes(visible=False, range=[-0.6, COLUMNS - 0.4], fixedrange=True)
    return fig.update_yaxes(visible=False, range=[rows - 0.4, -0.7], fixedrange=True)


def ranking(kept: KeptSet, ids: Sequence[int]) -> pd.DataFrame:
    """The kept bytes by name, the one with most attention first; to be shown as a list beside the lines."""
    called = names(ids)
    looked_at = ["itself" if p == kept.query else called[p] for p in kept.positions.tolist()]
    return pd.DataFrame({"looks at": looked_at, "attention": kept.weights})


def square(grid: Grid | None, ids: Sequence[int]) -> go.Figure:
    """One head: each row is a byte that looks, each column a byte looked at; empty where nothing was kept."""
    if grid is None or not grid.weights.size:
        return theme.empty("Every byte of the text", WAITING)
    end = grid.first + len(grid.weights)
    signs = [f"{i} {html.escape(theme.glyph(ids[i]))}" for i in range(grid.first, end)]
    fig = theme.figure(f"{_place(grid)}: every byte", "is looked at", "looks", height=440)
    fig.add_heatmap(
        x=signs,
        y=signs,
        z=grid.weights,
        zmin=0,
        zmax=1,
        colorscale=_tints(),
        hoverongaps=False,
        hovertemplate="%{y} looks at %{x}<br>%{z:.1%} of its attention<extra></extra>",
        colorbar=BAR,
    )
    fig.update_layout(margin={"r": 8, "t": 88}, title={"y": 0.95, "yanchor": "top"})  # clear of the colour bar
    fig.update_xaxes(type="category", nticks=6, tickangle=0, showgrid=False, constrain="domain")
    return fig.update_yaxes(type="category", nticks=8, autorange="reversed", showgrid=False)


def distances(reach: Reach | None) -> go.Figure:
    """How far back one head looks: its attention, and its kept keys counted alike."""
    if reach is None or not len(reach.keys):
        return theme.empty("How far back", WAITING)
    table = reach.table()
    ends = zip(table["from"], table["to"], strict=True)
    labels = ["itself" if b == 0 else str(a) if a == b else f"{a}–{b}" for a, b in ends]
    fig = theme.figure(f"{_place(reach)}: how far back", "bytes back", "share", height=440)
    for name, column, colour in (("attention", "attention", COLOUR), ("kept bytes", "keys", theme.GREY)):
        hover = "%{x} back: %{y:.1%} of the " + name + "<extra></extra>"
        fig.add_bar(x=labels, y=table[column], name=name, marker={"color": colour}, hovertemplate=hover)
    fig.update_layout(barmode="group", bargap=0.25, margin={"t": 88})
    fig.update_xaxes(type="category", fixedrange=True, showgrid=False)
    return fig.update_yaxes(tickformat=".0%", rangemode="tozero", fixedrange=True)


def names(ids: Sequence[int]) -> list[str]:
    """What each byte is called: its position, its sign, and the character it is part of."""
    called = []
    for text, place in characters(list(ids)):
        for i in range(place.start, min(place.stop, len(ids))):
            sign = theme.glyph(ids[i])
            called.append(f"byte {i}: {sign}" + ("" if sign == text else f", part of {text}"))
    return called


def _place(result: KeptSet | Grid | Reach) -> str:
    """Which head, counted from 1 as everywhere on screen."""
    return f"Block {result.block + 1}, head {result.head + 1}"


def _tints() -> list[tuple[float, str]]:
    """From barely there to full: reads as more on a light ground and on a dark one."""
    red, green, blue = rgb(COLOUR)
    return [(at, f"rgba({red},{green},{blue},{alpha})") for at, alpha in ((0, 0.15), (0.25, 0.6), (1, 1))]


def _arc(x: float, y: float, to_x: float, to_y: float) -> tuple[list[float], list[float]]:
    """Start, middle and end of a curve that bends upwards; within a line of text it spans over the signs between."""
    lift = 0.3 + 0.06 * min(abs(to_x - x), 5) if y == to_y else 0.25
    return [x, (x + to_x) / 2, to_x], [y, (y + to_y) / 2 - lift, to_y]


def _share(share: float, later: bool) -> str:
    if later:
        return "comes later: cannot be seen"
    return "not kept" if np.isnan(share) else f"{theme.percent(share)} of the attention"
