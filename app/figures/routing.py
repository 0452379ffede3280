"""What the routers did with a text: strips of bytes, shares of the pathways, and how sharply each byte was routed."""

import html
import math
from collections.abc import Iterator, Sequence
from typing import NamedTuple

import pandas as pd
import plotly.graph_objects as go

from app import theme
from app.figures.strip import Cell, Colour, characters, legend, rgb, strip, table
from probes.routing import ALL, Routing, name_of

COLOURS: dict[str, Colour] = {name: rgb(colour) for name, colour in theme.PATHWAY_COLOURS.items()}
BY_BLOCK, BY_CLASS, BY_POSITION, BY_REGIME, ALONG = (
    "Share of the mix, block by block",
    "Share of the mix, by kind of byte",
    "Share of the mix, along the context",
    "Share of the mix, by kind of question",
    "How many pathways each byte uses",
)
BLANK: Colour = (0, 0, 0)
INK = {"local": "black", "sparse": "black", "dense": "white"}  # the better readable one on each colour
WAITING = "Appears as soon as there is a text and a routed checkpoint."


class Bars(NamedTuple):
    """Stacked bars: one label a bar, one list of shares a pathway, and what hovering says of each share's interval."""

    labels: list[str]
    shares: dict[str, list[float]]
    ends: dict[str, list[str]]


class Points(NamedTuple):
    """Shares along the context: a label a stretch; for each pathway its shares and how far the interval reaches."""

    labels: list[str]
    shares: dict[str, list[float]]
    above: dict[str, list[float]]
    below: dict[str, list[float]]


class Lines(NamedTuple):
    """One line a block: what each byte is called, how many pathways it really used, and which of them won."""

    positions: list[int]
    signs: list[str]
    effective: dict[str, list[float]]
    winners: dict[str, list[str]]
    most: int


def key(result: Routing) -> str:
    """What the colours of both strips mean, as HTML."""
    return legend(
        [(f"{name[0]} = {name}", COLOURS[name]) for name in result.pathways],
        "The colour is the pathway with the largest weight; the stronger, the larger its share.",
    )


def text_strip(result: Routing, block: str = ALL) -> str:
    """The text, each byte on the colour of the pathway that carried most of it, in one block or in all together."""
    return strip(_cells(result, block, _signs(result)))


def block_strip(result: Routing) -> str:
    """The text, and under each byte its winning pathway in every block."""
    names = _names(result)
    heads = [("text", _signs(result))]
    if (result.ids >= 0x80).any():  # the bytes of a character are hex: say which character, above its first byte
        heads = [("text", _characters(result)), ("bytes", _signs(result))]
    rows = [
        (label, [Cell(sign, BLANK, 0.0, name) for sign, name in zip(signs, names, strict=True)])
        for label, signs in heads
    ]
    blocks = [name_of(number) for number in result.numbers]
    return table([*rows, *((block, _cells(result, block)) for block in blocks)])


def gather_by_block(result: Routing | None) -> Bars | None:
    """Shares of every block, the first on top."""
    if result is None or not len(result.blocks):
        return None
    labels = [name_of(number) for number in result.blocks["block"]]
    return Bars(labels, {name: result.blocks[name].tolist() for name in result.pathways}, {})


def gather_by_class(result: Routing | None, block: str = ALL) -> Bars | None:
    """Shares of every kind of byte that occurs, with how many there are."""
    if result is None or not len(result.ids):
        return None
    chosen = result.classes[result.classes["block"] == block]
    labels = [f"{kind} ({count})" for kind, count in zip(chosen["class"], chosen["bytes"], strict=True)]
    return Bars(labels, {name: chosen[name].tolist() for name in result.pathways}, {})


def gather_by_regime(regimes: pd.DataFrame | None, block: str = ALL) -> Bars | None:
    """Shares of every regime of a bank, with how many of its prompts were read."""
    if regimes is None or not len(regimes):
        return None
    chosen = regimes[regimes["block"] == block]
    labels = [f"{row.regime} ({row.prompts} of {row.of})" for row in chosen.itertuples()]
    return Bars(
        labels,
        {name: chosen[name].tolist() for name in theme.PATHWAY_COLOURS},
        {name: [_interval(*ends) for ends in _ends(chosen, name)] for name in theme.PATHWAY_COLOURS},
    )


def gather_by_position(positions: pd.DataFrame | None, block: str = ALL) -> Points | None:
    """Shares in every stretch of the context; where a stretch is too short for an interval it reaches nowhere."""
    if positions is None or not len(positions):
        return None
    chosen = positions[positions["block"] == block]
    labels = [f"{first}–{last}" for first, last in zip(chosen["from"], chosen["to"], strict=True)]
    shares = {name: chosen[name].tolist() for name in theme.PATHWAY_COLOURS}
    above = {name: (chosen[f"{name} high"] - chosen[name]).fillna(0.0).tolist() for name in shares}
    below = {name: (chosen[name] - chosen[f"{name} low"]).fillna(0.0).tolist() for name in shares}
    return Points(labels, shares, above, below)


def gather_along(result: Routing | None) -> Lines | None:
    """How many pathways each byte used, block by block."""
    if result is None or not len(result.ids):
        return None
    mixes = {name_of(number): result.mix(name_of(number)) for number in result.numbers}
    return Lines(
        positions=list(range(result.first, result.first + len(result.ids))),
        signs=[html.escape(name) for name in _names(result)],
        effective={block: mix.effective.tolist() for block, mix in mixes.items()},
        winners={block: [result.pathways[i] for i in mix.weights.argmax(axis=1)] for block, mix in mixes.items()},
        most=len(result.pathways),
    )


def by_block(result: Routing | None) -> go.Figure:
    """Which pathway each block relies on."""
    return _bars(BY_BLOCK, gather_by_block(result))


def by_class(result: Routing | None, block: str = ALL) -> go.Figure:
    """Which pathway letters, spaces, digits and the rest take."""
    return _bars(f"{BY_CLASS}, {block}", gather_by_class(result, block))


def by_regime(regimes: pd.DataFrame | None, block: str = ALL) -> go.Figure:
    """Which pathway each kind of question of a bank takes."""
    return _bars(f"{BY_REGIME}, {block}", gather_by_regime(regimes, block))


def by_position(positions: pd.DataFrame | None, block: str = ALL) -> go.Figure:
    """Whether the mix changes along the context: a line a pathway, with intervals."""
    title, points = f"{BY_POSITION}, {block}", gather_by_position(positions, block)
    if points is None:
        return theme.empty(title, WAITING)
    fig = theme.figure(title, "byte", height=330)
    for name, shares in points.shares.items():
        reach = {"type": "data", "array": points.above[name], "arrayminus": points.below[name], "thickness": 1}
        fig.add_scatter(
            x=points.labels,
            y=shares,
            error_y=reach,
            name=name,
            mode="lines+markers",
            line={"color": theme.PATHWAY_COLOURS[name]},
            hovertemplate="bytes %{x}: %{y:.1%} " + name + "<extra></extra>",
        )
    fig.update_xaxes(type="category", fixedrange=True)
    fifths = [0, 0.2, 0.4, 0.6, 0.8, 1]
    fig.update_yaxes(tickvals=fifths, ticktext=[_tick(y) for y in fifths])
    return fig.update_yaxes(rangemode="tozero", fixedrange=True)


def along(result: Routing | None) -> go.Figure:
    """How many pathways each byte really used: a line a block, one under the other, its dots coloured by the winner."""
    lines = gather_along(result)
    if lines is None:
        return theme.empty(ALONG, WAITING)
    fig = theme.figure(ALONG, height=110 + 90 * len(lines.effective))
    fig.set_subplots(len(lines.effective), 1, shared_xaxes=True, vertical_spacing=0.04)
    for row, (block, values) in enumerate(lines.effective.items(), start=1):
        fig.add_scatter(
            row=row,
            col=1,
            x=lines.positions,
            y=values,
            text=[
                f"{sign}<br>largest weight: {winner}"
                for sign, winner in zip(lines.signs, lines.winners[block], strict=True)
            ],
            mode="lines+markers",
            line={"width": 1, "color": theme.GREY},
            marker={"size": 5, "color": [theme.PATHWAY_COLOURS[winner] for winner in lines.winners[block]]},
            hovertemplate="%{text}<br>%{y:.2f} pathways in use<extra>" + block + "</extra>",
        )
        fig.update_yaxes(title_text=block, row=row, col=1)
    fig.update_xaxes(title_text="byte", row=len(lines.effective), col=1)
    fig.update_yaxes(range=[0.8, lines.most + 0.2], tickvals=list(range(1, lines.most + 1)))
    return fig.update_layout(showlegend=False)


def _bars(title: str, bars: Bars | None) -> go.Figure:
    if bars is None:
        return theme.empty(title, WAITING)
    fig = theme.figure(title, height=120 + 30 * len(bars.labels))
    for name, shares in bars.shares.items():
        fig.add_bar(
            y=bars.labels,
            x=shares,
            name=name,
            orientation="h",
            marker={"color": theme.PATHWAY_COLOURS[name]},
            text=[theme.percent(share) for share in shares],
            textposition="inside",
            insidetextanchor="middle",
            insidetextfont={"color": INK[name]},
            textangle=0,
            customdata=bars.ends.get(name, [""] * len(shares)),
            hovertemplate="%{y}: %{x:.1%} " + name + "%{customdata}<extra></extra>",
        )
    fig.update_layout(
        barmode="stack", bargap=0.25, uniformtext={"minsize": 10, "mode": "hide"}, legend={"traceorder": "normal"}
    )
    fig.update_layout(margin={"b": 32, "r": 28})
    quarters = [0, 0.25, 0.5, 0.75, 1]
    longest = max(
        1.0, *(sum(bar) for bar in zip(*bars.shares.values(), strict=True))
    )  # an intervention may add up to more
    fig.update_xaxes(range=[0, longest], tickvals=quarters, ticktext=[_tick(x) for x in quarters])
    fig.update_xaxes(fixedrange=True)
    return fig.update_yaxes(autorange="reversed", showgrid=False, fixedrange=True)


def _tick(share: float) -> str:
    return f"{100 * share:.0f} %"


def _cells(result: Routing, block: str, texts: Sequence[str] = ()) -> list[Cell]:
    """One cell a byte, coloured by its winning pathway in `block`; without texts it shows the winner's initial."""
    mix = result.mix(block)
    winners = mix.weights.argmax(axis=1)
    cells = []
    for i, (name, winner) in enumerate(zip(_names(result), winners, strict=True)):
        pathway, shares = result.pathways[winner], mix.weights[i]
        parts = ", ".join(f"{p} {theme.percent(s)}" for p, s in zip(result.pathways, shares, strict=True))
        spread = f"entropy {mix.entropy[i]:.2f}, {mix.effective[i]:.2f} pathways in use"
        if not shares.any():  # an intervention can leave none
            spread = "no pathway in use"
        text = texts[i] if texts else pathway[0] if shares.any() else "·"
        cells.append(Cell(text, COLOURS[pathway], float(shares[winner]), f"{name}\n{block}: {parts}\n{spread}"))
    return cells


def _ends(table: pd.DataFrame, name: str) -> Iterator[tuple[float, float]]:
    return zip(table[f"{name} low"], table[f"{name} high"], strict=True)


def _interval(low: float, high: float) -> str:
    """What hovering adds to a share; nothing where there is no interval."""
    return "" if math.isnan(low) else f", 95 % interval {100 * low:.1f} to {100 * high:.1f} %"


def _names(result: Routing) -> list[str]:
    """What each byte is called when hovered over: its position, its sign, and the character it is part of."""
    ids = result.ids.tolist()
    names = []
    for text, place in characters(ids):
        for i in range(place.start, place.stop):
            sign = theme.glyph(ids[i])
            part = "" if sign == text else f", part of {text}"
            names.append(f"byte {result.first + i}: {sign}{part}")
    return names


def _signs(result: Routing) -> list[str]:
    return [theme.glyph(byte) for byte in result.ids.tolist()]


def _characters(result: Routing) -> list[str]:
    """Each character at its first byte, nothing at the others."""
    signs = [""] * len(result.ids)
    for text, place in characters(result.ids.tolist()):
        signs[place.start] = text
    return signs
