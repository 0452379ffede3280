"""Several models on one text: who predicts each byte better, who is ahead, and how sure the difference is."""

import html
from typing import NamedTuple

import plotly.graph_objects as go

from app import theme
from app.figures.strip import Cell, Colour, characters, legend, rgb, strip, table
from probes.compare import Comparison

SIDES = ("#56b4e9", "#d55e00", "#cc79a7", "#8a8a8a")  # none is a pathway's colour
COLOURS: tuple[Colour, ...] = tuple(rgb(colour) for colour in SIDES)
FULL = 3.0  # bits: from here on a ground is as strong as it gets; eight times as likely
BLANK: Colour = (0, 0, 0)
DIFFERENCES, AHEAD = "Bits per byte, compared with A", "Who is ahead?"
WAITING = "Appears as soon as there are a text and two checkpoints."


class Spans(NamedTuple):
    """One reading a row: its difference to the first, in bits per byte, and both ends of the interval or None."""

    letters: list[str]
    labels: list[str]
    values: list[float]
    ends: list[tuple[float, float] | None]
    colours: list[str]


class Lines(NamedTuple):
    """One line for each of the others: bits that it has saved against the first up to each byte."""

    positions: list[int]
    notes: dict[str, list[str]]
    saved: dict[str, list[float]]


def key(result: Comparison) -> str:
    """What the grounds mean, as HTML."""
    entries = [(f"{letter} is best", colour) for letter, colour in zip(result.letters, COLOURS, strict=False)]
    return legend(entries, f"The stronger, the larger the lead; full at {FULL:.0f} bits: eight times as likely.")


def best_strip(result: Comparison) -> str:
    """The text, each byte on the colour of the reading that gave it the largest probability."""
    signs = [theme.glyph(byte) for byte in result.text]
    return strip(_cells(result, list(range(len(result.readings))), signs))


def pairs_strip(result: Comparison) -> str:
    """The text, and under each byte who of A and one other predicted it better, one row for each of the others."""
    signs, names = [theme.glyph(byte) for byte in result.text], _names(result)
    rows = [("text", [Cell(sign, BLANK, 0.0, name) for sign, name in zip(signs, names, strict=True)])]
    for number, letter in enumerate(result.letters[1:], start=1):
        rows.append((f"A or {letter}", _cells(result, [0, number])))
    return table(rows)


def gather_differences(result: Comparison | None) -> Spans | None:
    """The others, in order."""
    if result is None:
        return None
    values = [difference.value or 0.0 for difference in result.differences]
    ends = [None if d.low is None or d.high is None else (d.low, d.high) for d in result.differences]
    labels = [_label(result, number) for number in range(1, len(result.readings))]
    return Spans(list(result.letters[1:]), labels, values, ends, list(SIDES[1 : len(result.readings)]))


def gather_ahead(result: Comparison | None) -> Lines | None:
    """Bits saved against the first, added up from the first byte on."""
    if result is None:
        return None
    first, names, chances = result.bits[0], _names(result), [reading.probabilities for reading in result.readings]
    saved, notes = {}, {}
    for number, letter in enumerate(result.letters[1:], start=1):
        saved[letter] = (first - result.bits[number]).cumsum().tolist()
        notes[letter] = [
            f"{html.escape(name)}<br>A {chance(float(p))}, {letter} {chance(float(q))}"
            for name, p, q in zip(names, chances[0], chances[number], strict=True)
        ]
    return Lines(list(range(result.first, result.first + len(result.text))), notes, saved)


def differences(result: Comparison | None) -> go.Figure:
    """How many bits per byte the others need more or less than the first, with 95 % intervals."""
    spans = gather_differences(result)
    if spans is None:
        return theme.empty(DIFFERENCES, WAITING)
    fig = theme.figure(DIFFERENCES, "← better    bits per byte    worse →", height=170 + 36 * len(spans.labels))
    fig.add_vline(0, line={"color": theme.GREY, "width": 1, "dash": "dash"})
    for letter, label, value, ends, colour in zip(*spans, strict=True):
        within = "no interval" if ends is None else f"{ends[0]:+.3f} to {ends[1]:+.3f}"
        fig.add_scatter(
            x=[value],
            y=[letter],
            name=label,
            mode="markers",
            marker={"size": 11, "color": colour},
            error_x=None if ends is None else {"array": [ends[1] - value], "arrayminus": [value - ends[0]], "width": 6},
            hovertemplate=f"{value:+.3f} bits per byte<br>{within}<extra></extra>",
        )
    fig.update_layout(showlegend=True)
    fig.update_xaxes(fixedrange=True, nticks=7)
    return fig.update_yaxes(autorange="reversed", automargin=True, fixedrange=True, type="category")


def ahead(result: Comparison | None) -> go.Figure:
    """Along the text: how many bits each of the others has saved against the first so far."""
    lines = gather_ahead(result)
    if lines is None:
        return theme.empty(AHEAD, WAITING)
    fig = theme.figure(AHEAD, "byte", "bits saved against A", height=340)
    fig.add_hline(0, line={"color": theme.GREY, "width": 1, "dash": "dash"})
    for (letter, values), colour in zip(lines.saved.items(), SIDES[1:], strict=False):
        fig.add_scatter(
            x=lines.positions,
            y=values,
            name=letter,
            mode="lines",
            line={"color": colour, "width": 2},
            text=lines.notes[letter],
            hovertemplate="%{text}<br>%{y:+.1f} bits saved up to here<extra>" + letter + "</extra>",
        )
    return fig.update_layout(showlegend=True)


def chance(p: float) -> str:
    """0.4567 -> '45.7 %', 0.00012 -> '0.012 %': small ones keep two digits."""
    return theme.percent(p) if p >= 0.001 else f"{100 * p:.2g} %"


def short(name: str) -> str:
    """A checkpoint's name where room is scarce: the last two parts of a path, of each checkpoint of a splice."""
    parts = ["/".join(part.rstrip("/").split("/")[-2:]) for part in name.split("::")]
    text = "::".join(parts)
    return text if len(text) <= 40 else f"…{text[-39:]}"


def _label(result: Comparison, number: int) -> str:
    reading = result.readings[number]
    lines = [f"{result.letters[number]}  {short(reading.name)}", *filter(None, [reading.interventions])]
    return html.escape(" under ".join(lines))


def _cells(result: Comparison, numbers: list[int], signs: list[str] | None = None) -> list[Cell]:
    """One cell a byte, on the colour of the best of these readings, as strong as its lead over the next; without signs
    it shows the best one's letter."""
    bits, chances = result.bits[numbers], [result.readings[n].probabilities for n in numbers]
    order = bits.argsort(axis=0, kind="stable")
    cells = []
    for i, name in enumerate(_names(result)):
        best, second = numbers[order[0, i]], numbers[order[1, i]]
        lead = float(bits[order[1, i], i] - bits[order[0, i], i])
        each = ", ".join(f"{result.letters[n]} {chance(float(p[i]))}" for n, p in zip(numbers, chances, strict=True))
        said = f"{result.letters[best]} by {lead:.2f} bits over {result.letters[second]}" if lead else "alike"
        text = signs[i] if signs else result.letters[best] if lead else "="
        cells.append(Cell(text, COLOURS[best], lead / FULL, f"{name}\n{each}\n{said}"))
    return cells


def _names(result: Comparison) -> list[str]:
    """What each byte is called when hovered over: its position, its sign, and the character it is part of."""
    names = []
    for text, place in characters(list(result.text)):
        for i in range(place.start, place.stop):
            sign = theme.glyph(result.text[i])
            names.append(f"byte {result.first + i}: {sign}" + ("" if sign == text else f", part of {text}"))
    return names
