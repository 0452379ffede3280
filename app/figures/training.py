"""How a run is doing: loss, pathways, trits and pace, each a few lines over training, one under the other.

Every picture is gathered into lines first; `numbers` gives the same lines as a table. A long run is thinned, so that
the browser keeps up.
"""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pandas as pd
import plotly.graph_objects as go

from app import theme

Records = Sequence[Mapping[str, Any]]
LOSS, SHARES, TRITS, PACE = "Loss", "Share of the mix, block by block", "Trits", "Gradient and speed"
CAPTIONS = {
    "loss": "Bits the model needs for the next byte; 8 is blind guessing. It is never trained on the held-out text.",
    "shares": "At 0 a pathway starves, at 100 % it has taken over. Dotted: evenness, 1 when all three are used alike.",
    "trits": "Flips changed in the one step measured. They grow rare as the rate falls; hardly any means frozen.",
    "pace": "The gradient's norm before clipping: a spike is a step that went wrong. Speed leaves evaluations out.",
}
WAITING = "Appears with the first steps of the run."
MOST_POINTS = 500  # a line
MOST_BLOCKS = 8
LEAST_FLIPS = 1e-7  # what the records can tell from none; a logarithmic axis needs it
COLOURS = theme.PATHWAY_COLOURS | {"evenness": theme.GREY, "training": theme.LINES[4], "held out": theme.LINES[5]}
FORMATS = {"zeros": ".1%", "flips": ".1e", "bytes/s": ",.0f", "gradient norm": ".3f"}


class Line(NamedTuple):
    """One line, drawn in the row that `row` names."""

    row: str
    name: str
    x: list[float]
    y: list[float]


def gather_loss(records: Records, bytes_a_step: int = 0) -> list[Line]:
    """Bits per byte on the training text and on the held-out text, over megabytes read, or steps if nobody knows."""
    scale = bytes_a_step / 1e6 if bytes_a_step else 1.0
    names = {"training": "bpb", "held out": "held_out_bpb"}
    return _present(_line("bits per byte", name, records, key, scale) for name, key in names.items())


def gather_shares(records: Records) -> list[Line]:
    """The share of each pathway, and how evenly they are used, in every block, over steps."""
    logged = thin([record for record in records if record.get("shares")])
    if not logged:
        return []
    lines, steps = [], [float(record["step"]) for record in logged]
    for block in range(min(len(logged[-1]["shares"]), MOST_BLOCKS)):
        for i, pathway in enumerate(theme.PATHWAY_COLOURS):
            shares = [float(record["shares"][block][i]) for record in logged]
            lines.append(Line(f"block {block + 1}", pathway, steps, shares))
        if all(record.get("entropy") for record in logged):
            evenness = [float(record["entropy"][block]) for record in logged]
            lines.append(Line(f"block {block + 1}", "evenness", steps, evenness))
    return lines


def gather_trits(records: Records) -> list[Line]:
    """Which share of the trits is zero, and which share flips in a step, over steps."""
    return _present(_line(name, name, records, name) for name in ("zeros", "flips"))


def gather_pace(records: Records) -> list[Line]:
    """Norm of the gradient before clipping, and bytes a second, over steps."""
    names = {"gradient norm": "grad_norm", "bytes/s": "bytes_per_second"}
    return _present(_line(name, name, records, key) for name, key in names.items())


def numbers(lines: Sequence[Line], x: str = "step") -> pd.DataFrame:
    """What the lines show, one row a point."""
    points = [(line.row, line.name, *point) for line in lines for point in zip(line.x, line.y, strict=True)]
    return pd.DataFrame(points, columns=["row", "line", x, "value"])


def loss(records: Records, bytes_a_step: int = 0) -> go.Figure:
    """Is it learning? Training and held-out loss over the text read."""
    lines = gather_loss(records, bytes_a_step)
    return _draw(LOSS, lines, "training text, MB" if bytes_a_step else "step", 300)


def shares(records: Records) -> go.Figure:
    """Does every block use every pathway? A small row a block."""
    lines = gather_shares(records)
    title = SHARES
    if lines and (blocks := len(next(r["shares"] for r in reversed(records) if r.get("shares")))) > MOST_BLOCKS:
        title = f"{SHARES}: the first {MOST_BLOCKS} of {blocks}"
    fig = _draw(title, lines, "step", 110, "Routed models draw the shares of their pathways here.")
    return fig.update_yaxes(range=[0, 1.02], tickvals=[0, 0.5, 1], ticktext=["0", "50 %", "100 %"]) if lines else fig


def trits(records: Records) -> go.Figure:
    """Are the ternary weights still being learned?"""
    lines = gather_trits(records)
    fig = _draw(
        TRITS,
        [_floored(line) for line in lines],
        "step",
        150,
        "Appears with the first evaluation, if the model has ternary weights.",
    )
    for line in lines:
        fig.update_yaxes(
            selector={"title": {"text": line.row}},
            type="log" if line.name == "flips" else "linear",
            tickformat=".2~e" if line.name == "flips" else ".0%",
        )
    return fig


def pace(records: Records) -> go.Figure:
    """Does it run smoothly?"""
    fig = _draw(PACE, gather_pace(records), "step", 150)
    return fig.update_yaxes(rangemode="tozero")


def pictures(records: Records, bytes_a_step: int = 0) -> list[tuple[go.Figure, pd.DataFrame, str, str]]:
    """All four, each with its numbers, its name and how to read it."""
    x = "MB" if bytes_a_step else "step"
    drawn = {
        "loss": (loss(records, bytes_a_step), numbers(gather_loss(records, bytes_a_step), x)),
        "shares": (shares(records), numbers(gather_shares(records))),
        "trits": (trits(records), numbers(gather_trits(records))),
        "pace": (pace(records), numbers(gather_pace(records))),
    }
    return [(fig, table, f"training_{name}", CAPTIONS[name]) for name, (fig, table) in drawn.items()]


def thin(records: Records) -> list[Mapping[str, Any]]:
    """At most about `MOST_POINTS` of them, evenly spaced, with the last."""
    stride = -(-len(records) // MOST_POINTS) or 1
    kept = list(records[::stride])
    return kept if (len(records) - 1) % stride == 0 else [*kept, records[-1]]


def _line(row: str, name: str, records: Records, key: str, scale: float = 1.0) -> Line:
    known = thin([record for record in records if isinstance(record.get(key), int | float)])
    return Line(row, name, [record["step"] * scale for record in known], [float(record[key]) for record in known])


def _floored(line: Line) -> Line:
    return line._replace(y=[max(y, LEAST_FLIPS) for y in line.y]) if line.name == "flips" else line


def _present(lines: Any) -> list[Line]:
    return [line for line in lines if line.x]


def _draw(title: str, lines: Sequence[Line], x: str, height: int, waiting: str = WAITING) -> go.Figure:
    """The lines, in rows of `height` pixels, with one axis below them all."""
    if not lines:
        return theme.empty(title, waiting)
    rows = list(dict.fromkeys(line.row for line in lines))
    fig = theme.figure(title, height=124 + height * len(rows))
    fig.set_subplots(len(rows), 1, shared_xaxes=True, vertical_spacing=0.12 / len(rows))
    for line in lines:
        fig.add_scatter(
            row=rows.index(line.row) + 1,
            col=1,
            x=line.x,
            y=line.y,
            name=line.name,
            legendgroup=line.name,
            showlegend=line.row == rows[0] and line.name not in (line.row, "evenness"),  # it would not fit on a phone
            mode="lines+markers" if len(line.x) < 30 else "lines",
            marker={"size": 5},
            line={"width": 1.6, "color": COLOURS.get(line.name), "dash": "dot" if line.name == "evenness" else "solid"},
            hovertemplate=f"%{{x:,.6~g}}: %{{y:{FORMATS.get(line.name, '.3f')}}} {line.name}<extra>{line.row}</extra>",
        )
        fig.update_yaxes(title_text=line.row, row=rows.index(line.row) + 1, col=1)
    fig.update_xaxes(title_text=x, row=len(rows), col=1)
    return fig
