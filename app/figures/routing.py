"""What the routers did with a text: strips of bytes, shares of the pathways, and how sharply each byte was routed."""

import html
from collections.abc import Sequence
from typing import NamedTuple

import plotly.graph_objects as go

from app import theme
from app.figures.strip import Cell, Colour, characters, legend, rgb, strip, table
from probes.routing import ALL, Routing, name_of

COLOURS: dict[str, Colour] = {name: rgb(colour) for name, colour in theme.PATHWAY_COLOURS.items()}
BY_BLOCK, BY_CLASS, ALONG = (
    "Share of the mix, block by block",
    "Share of the mix, by kind of byte",
    "How many pathways each byte uses",
)
BLANK: Colour = (0, 0, 0)
INK = {"local": "black", "sparse": "black", "dense": "white"}  # the better readable one on each colour
WAITING = "Appears as soon as there is a text and a routed checkpoint."


class Bars(NamedTuple):
    """Stacked bars: one label a bar, one list of shares a pathway."""

    labels: list[str]
    shares: dict[str, list[float]]


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
    return Bars(labels, {name: result.blocks[name].tolist() for name in result.pathways})


def gather_by_class(result: Routing | None, block: str = ALL) -> Bars | None:
    """Shares of every kind of byte that occurs, with how many there are."""
    if result is None or not len(result.ids):
        return None
    chosen = result.classes[result.classes["block"] == block]
    labels = [f"{kind} ({count})" for kind, count in zip(chosen["class"], chosen["bytes"], strict=True)]
    return Bars(labels, {name: chosen[name].tolist() for name in result.pathways})


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
            hovertemplate="%{y}: %{x:.1%} " + name + "<extra></extra>",
        )
    fig.update_layout(
        barmode="stack", bargap=0.25, uniformtext={"minsize": 10, "mode": "hide"}, legend={"traceorder": "normal"}
    )
    fig.update_layout(margin={"b": 32, "r": 28})
    quarters = [0, 0.25, 0.5, 0.75, 1]
    fig.update_xaxes(range=[0, 1], tickvals=quarters, ticktext=[f"{x:.0%}".replace("%", " %") for x in quarters])
    fig.update_xaxes(fixedrange=True)
    return fig.update_yaxes(autorange="reversed", showgrid=False, fixedrange=True)


def _cells(result: Routing, block: str, texts: Sequence[str] = ()) -> list[Cell]:
    """One cell a byte, coloured by its winning pathway in `block`; without texts it shows the winner's initial."""
    mix = result.mix(block)
    winners = mix.weights.argmax(axis=1)
    cells = []
    for i, (name, winner) in enumerate(zip(_names(result), winners, strict=True)):
        pathway, shares = result.pathways[winner], mix.weights[i]
        parts = ", ".join(f"{p} {theme.percent(s)}" for p, s in zip(result.pathways, shares, strict=True))
        spread = f"entropy {mix.entropy[i]:.2f}, {mix.effective[i]:.2f} pathways in use"
        text = texts[i] if texts else pathway[0]
        cells.append(Cell(text, COLOURS[pathway], float(shares[winner]), f"{name}\n{block}: {parts}\n{spread}"))
    return cells


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
