"""One byte under the X-ray: where it stands, what was guessed and when, which pathways and which bytes led to it."""

import html
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import plotly.graph_objects as go

from app import theme
from app.figures.attention import names
from app.figures.strip import Cell, rgb, strip
from probes.names import signed
from tilelli.config import PATHWAYS

if TYPE_CHECKING:
    from probes.xray import Xray  # which needs torch, and drawing does not

BEFORE, AFTER = 63, 8  # bytes around the one that is looked at
SHOWN_HEADS = 24  # more would not be read; the numbers have them all
WAITING = "Appears as soon as a byte is chosen."
ROUTERLESS = "A vanilla model has no router: each block does the same for every byte."
HELPS, HARMS = "#56b4e9", "#e69f00"  # of a removal: it would have been less or more of a surprise
DIVERGING = ((0, HELPS), (0.5, "#c8c8c8"), (1, HARMS))  # equally light, so that dark ink can be read on all
TINTS = ((0, "#c8c2b4"), (1, theme.PATHWAY_COLOURS["sparse"]))
INK = "#111111"
INSIDE = {"local": "black", "sparse": "black", "dense": "white"}
EVEN = 2.0  # bits: a change this large has the full colour at least


class Cells(NamedTuple):
    """A table of coloured cells: labels down and across, a number, a text and a hover text in each."""

    rows: list[str]
    columns: list[str]
    values: list[list[float | None]]
    texts: list[list[str]]
    hovers: list[list[str]]


def place(found: "Xray", text: Sequence[int]) -> str:
    """The bytes around the one that is looked at, as HTML: it in blue, what it kept in orange by the attention."""
    first, last = max(0, found.place - BEFORE), min(len(text), found.place + AFTER + 1)
    shares = attention(found)
    cells = []
    for i, name in enumerate(names(text)[first:last], start=first):
        share = shares.get(i, 0.0)
        title = f"{name}\n{theme.percent(share)} of all attention" if share else name
        colour, strength = (rgb(theme.LINES[0]), 1.0) if i == found.place else (rgb(HARMS), min(1.0, 8 * share))
        cells.append(Cell(theme.glyph(text[i]), colour, strength, title))
    return strip(cells)


def attention(found: "Xray") -> dict[int, float]:
    """Number of a byte -> its share of the attention of all heads of all blocks together."""
    shares: dict[int, float] = {}
    heads = found.kept.shape[0] * found.kept.shape[1]
    for at, share in zip(found.kept.ravel().tolist(), found.attention.ravel().tolist(), strict=True):
        shares[at] = shares.get(at, 0.0) + share / heads
    return shares


def guesses(found: "Xray | None") -> go.Figure:
    """What the model held likely, and the byte that came among it."""
    if found is None:
        return theme.empty("What was predicted", WAITING)
    table = found.alternatives()
    labels = [f"{rank}. {_sign(byte)}" for rank, byte in zip(table["rank"], table["byte"], strict=True)]
    fig = theme.figure("What was predicted", height=110 + 26 * len(labels))
    fig.add_bar(
        y=labels,
        x=table["probability"].tolist(),
        orientation="h",
        text=[_percent(share) for share in table["probability"]],
        textposition="outside",
        cliponaxis=False,
        marker={"color": [theme.LINES[0] if came else theme.GREY for came in table["came"]]},
        hovertext=[html.escape(name) for name in table["called"]],
        hovertemplate="%{hovertext}: %{x:.3%}<extra></extra>",
    )
    fig.update_layout(margin={"t": 48, "b": 32, "r": 56}, bargap=0.25)
    fig.update_xaxes(tickformat=".0%", rangemode="tozero", nticks=5, fixedrange=True)
    return fig.update_yaxes(autorange="reversed", showgrid=False, automargin=True, fixedrange=True, type="category")


def lens(found: "Xray | None") -> go.Figure:
    """Block by block: the probability of this byte, and what was in front, if the model had stopped there."""
    title = "If it had stopped after a block"
    if found is None:
        return theme.empty(title, WAITING)
    table = found.stages()
    stages = ["none", *(str(number) for number in table["after_block"][1:])]
    signs = [_sign(byte) for byte in table["guess"]]
    fig = theme.figure(title, "blocks that were run", "probability", height=340)
    for name, values, colour in (
        ("in front there", table["guess_probability"], theme.GREY),
        ("this byte", table["probability"], theme.LINES[0]),
    ):
        grey = name != "this byte"
        fig.add_scatter(
            x=stages,
            y=values.tolist(),
            name=name,
            mode="lines+markers+text" if grey else "lines+markers",
            text=signs if grey else None,
            textposition="top center",
            line={"color": colour, "width": 2 if not grey else 1, "dash": "dot" if grey else "solid"},
            marker={"size": 8},
            hovertext=[html.escape(called) for called in table["called"]] if grey else None,
            hovertemplate=("%{hovertext}: " if grey else "") + "%{y:.2%}<extra>" + name + "</extra>",
        )
    fig.update_xaxes(type="category", fixedrange=True)
    return fig.update_yaxes(range=[-0.04, 1.15], tickvals=[0, 0.25, 0.5, 0.75, 1], tickformat=".0%", fixedrange=True)


def pathways(found: "Xray | None") -> go.Figure:
    """How far each pathway was turned up where this byte was predicted, block by block."""
    title = "Which pathway carried it"
    if found is None or found.router is None:
        return theme.empty(title, WAITING if found is None else ROUTERLESS)
    table = found.pathways()
    labels = [f"block {number}" for number in table["block"]]
    fig = theme.figure(title, height=130 + 34 * len(labels))
    for name in PATHWAYS:
        fig.add_bar(
            y=labels,
            x=table[name].tolist(),
            name=name,
            orientation="h",
            marker={"color": theme.PATHWAY_COLOURS[name]},
            text=[f"{100 * share:.0f} %" if share >= 0.12 else "" for share in table[name]],
            textposition="inside",
            insidetextanchor="middle",
            insidetextfont={"color": INSIDE[name]},
            textangle=0,
            hovertemplate="%{y}: %{x:.1%} " + name + "<extra></extra>",
        )
    fig.update_layout(barmode="stack", bargap=0.25, legend={"traceorder": "normal"}, margin={"b": 32, "r": 28})
    fig.update_xaxes(range=[0, 1], dtick=0.25, tickformat=".0%", fixedrange=True)
    return fig.update_yaxes(autorange="reversed", showgrid=False, automargin=True, fixedrange=True)


def gather_ablations(found: "Xray | None") -> Cells | None:
    """One row a block, one column a pathway: bits of surprise more without it."""
    if found is None or not found.removals:
        return None
    columns = list(dict.fromkeys(removal.pathway for removal in found.removals))
    at = {(removal.block, removal.pathway): removal for removal in found.removals}
    rows = [[at[block, pathway] for pathway in columns] for block in range(len(found.lens) - 1)]
    return Cells(
        [f"block {block}" for block in range(1, len(rows) + 1)],
        columns,
        [[removal.change for removal in row] for row in rows],
        [[signed(removal.change, 2) for removal in row] for row in rows],
        [[f"{_percent(one.probability)}; in front: {_sign(one.guess)}" for one in row] for row in rows],
    )


def ablations(found: "Xray | None") -> go.Figure:
    """What removing each pathway of each block would do to this byte."""
    title = "Without one pathway: bits more"
    cells = gather_ablations(found)
    if cells is None:
        return theme.empty(title, WAITING if found is None else "A vanilla model has no pathways to remove.")
    most = max(EVEN, *(abs(value) for row in cells.values for value in row if value is not None))
    hover = "%{x} in %{y} removed: %{z:+.3f} bits<br>%{customdata}<extra></extra>"
    return _grid(title, cells, (-most, most), DIVERGING, hover, 34)


def gather_kept(found: "Xray | None", most: int = 3) -> Cells | None:
    """One row a head, its heaviest bytes across; of many heads those that look most sharply, in order."""
    if found is None or not found.attention.any():
        return None
    L, H = found.attention.shape[:2]
    order = sorted(((b, h) for b in range(L) for h in range(H)), key=lambda at: -found.attention[at][0])
    rows = sorted(at for at in order[:SHOWN_HEADS] if found.attention[at][0] > 0)
    places = [found.kept[at][:most].tolist() for at in rows]
    shares = [[share or None for share in found.attention[at][:most].tolist()] for at in rows]
    pairs = [list(zip(*row, strict=True)) for row in zip(places, shares, strict=True)]
    return Cells(
        [f"{block + 1}.{head + 1}" for block, head in rows],
        ["most", "second", "third"][: len(places[0])],
        shares,
        [[_kept(found, at, share) for at, share in row] for row in pairs],
        [[f"byte {at}: {_sign(found.read[at - found.first])}" if share else "" for at, share in row] for row in pairs],
    )


def kept(found: "Xray | None") -> go.Figure:
    """Which earlier bytes each head looked at most, where this byte was predicted."""
    title = "Which bytes were kept"
    cells = gather_kept(found)
    if cells is None:
        return theme.empty(title, WAITING if found is None else "No block of this model looks back.")
    hover = "block.head %{y}<br>%{customdata}: %{z:.1%} of its attention<extra></extra>"
    return _grid(title, cells, (0, 1), TINTS, hover, 24)


def _grid(title: str, cells: Cells, ends: tuple[float, float], scale: object, hover: str, height: int) -> go.Figure:
    fig = theme.figure(title, height=90 + height * len(cells.rows))
    fig.add_heatmap(
        x=cells.columns,
        y=cells.rows,
        z=cells.values,
        zmin=ends[0],
        zmax=ends[1],
        colorscale=scale,
        showscale=False,
        text=cells.texts,
        texttemplate="%{text}",
        textfont={"color": INK, "size": 12},
        customdata=cells.hovers,
        hovertemplate=hover,
        hoverongaps=False,
        xgap=2,
        ygap=2,
    )
    fig.update_layout(margin={"l": 8, "r": 8, "t": 72, "b": 8})
    fig.update_xaxes(side="top", showgrid=False, zeroline=False, fixedrange=True, type="category")
    return fig.update_yaxes(
        autorange="reversed", showgrid=False, zeroline=False, automargin=True, fixedrange=True, type="category"
    )


def _kept(found: "Xray", at: int, share: float | None) -> str:
    return f"{_sign(found.read[at - found.first])} −{found.place - at}: {100 * share:.0f}%" if share else ""


def _sign(byte: int) -> str:
    """A byte's sign, safe in a plotly text, which reads some HTML."""
    return html.escape(theme.glyph(int(byte)))


def _percent(share: float) -> str:
    return theme.percent(share) if share >= 0.001 else "under 0.1 %"
