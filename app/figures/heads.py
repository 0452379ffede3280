"""All attention heads at once: one number each, the rules they follow, and which of them do the same."""

from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import plotly.graph_objects as go
from numpy.typing import NDArray

from app import theme
from probes.alike import BEYOND, SAME, Alike
from probes.heads import Heads
from probes.roles import ROLES, SMALLEST, Roles
from probes.survey import Survey

SMALL_ENOUGH = 12  # heads or blocks up to which a number fits into its cell
TWO = "Appears as soon as there are two bytes."
BAR = {"orientation": "h", "y": 1, "yanchor": "bottom", "thickness": 8, "outlinewidth": 0, "tickformat": ".0%"}
RULES = {
    "previous": "byte before",
    "offset": "some bytes back",
    "same": "same byte, earlier",
    "induction": "what came next",
    "first": "start of text",
}
RULES_CAPTION = (
    "One column a head, one row a rule; the colour is how much more of its attention goes where the rule says than if "
    "it looked anywhere. A mark, or a distance in bytes, names a rule that is followed beyond chance."
)
Floats = NDArray[np.float64]


class Measure(NamedTuple):
    """How a measure of `Heads` is shown: its title, numbers, colour scale (None: largest shown), and how to read it."""

    title: str
    number: str
    ends: tuple[float, float | None]
    caption: str


MEASURES = {
    "mass": Measure(
        "Held by the kept bytes",
        "{:.0%}",
        (0, 1),
        "Of the attention that all earlier bytes would share, how much the {top_k} heaviest hold. 100 %: keeping only "
        "those loses nothing. The mean over the bytes that have more than {top_k} to choose from.",
    ),
    "effective_keys": Measure(
        "Bytes in use",
        "{:.1f}",
        (1, None),
        "1: one byte gets everything. {places} is the most there could be. The mean over the text.",
    ),
    "reach": Measure(
        "Bytes back, on average",
        "{:.0f}",
        (0, None),
        "0: a byte looks only at itself. The larger, the further back. The mean over the text.",
    ),
    "previous": Measure(
        "On the byte before",
        "{:.0%}",
        (0, 1),
        "100 %: this head does nothing but look at the byte just before. The mean over the text.",
    ),
}


def measure(heads: Heads | None, name: str) -> go.Figure:
    """A small heatmap of one of `MEASURES`: blocks down and heads across, a number in every cell that has room."""
    shown = MEASURES[name]
    values: Floats | None = None if heads is None else getattr(heads, name)
    if heads is None or values is None or np.isnan(values).all():
        waiting = TWO if heads is None or name != "mass" else f"Appears with more than {heads.top_k} bytes of text."
        return theme.empty(shown.title, waiting)
    L, H = values.shape
    fits = max(L, H) <= SMALL_ENOUGH
    value = "%{text}" if fits else "%{z:.2f}"
    fig = theme.figure(shown.title, "head", "block", height=max(230, min(150 + 30 * L, 700)))
    fig.add_heatmap(
        x=list(range(1, H + 1)),
        y=list(range(1, L + 1)),
        z=values.astype(np.float32),
        zmin=shown.ends[0],
        zmax=shown.ends[1] or float(np.nanmax(values)),
        text=[[shown.number.format(value) for value in row] for row in values.tolist()] if fits else None,
        texttemplate="%{text}" if fits else None,
        customdata=_intervals(shown.number, heads.low[name], heads.high[name]),
        colorscale=theme.SEQUENTIAL,
        showscale=not fits,
        xgap=1,
        ygap=1,
        hovertemplate=f"block %{{y}}, head %{{x}}<br>{shown.title.lower()}: {value}%{{customdata}}<extra></extra>",
    )
    fig.update_layout(margin={"l": 40, "r": 8, "t": 48})
    fig.update_xaxes(dtick=max(1, H // 8), showgrid=False, zeroline=False, fixedrange=True)
    return fig.update_yaxes(dtick=max(1, L // 8), autorange="reversed", showgrid=False, zeroline=False, fixedrange=True)


def rules(roles: Roles | None) -> go.Figure:
    """Every head against every rule: how much more attention than chance; what is named carries a mark."""
    title = "Attention beyond chance, rule by rule"
    if roles is None or np.isnan(roles.excess).all():
        return theme.empty(title, TWO)
    L, H = roles.offset.shape
    N = L * H
    excess = roles.excess.reshape(-1, N)
    fig = theme.figure(title, height=290)
    fig.add_heatmap(
        x=list(range(N)),
        y=[RULES[name] for name in ROLES],
        z=excess.astype(np.float32),
        zmin=0,
        zmax=max(2 * SMALLEST, float(np.nanmax(roles.excess))),
        text=_marks(roles),
        texttemplate="%{text}",
        textfont={"size": 13},
        customdata=_said(roles),
        colorscale=theme.SEQUENTIAL,
        colorbar=BAR,
        xgap=1,
        ygap=2,
        hoverongaps=False,
        hovertemplate="%{customdata}<extra></extra>",
    )
    fig.update_layout(margin={"l": 120, "r": 8, "t": 88, "b": 28}, title={"y": 0.95, "yanchor": "top"})
    _by_block(fig, np.repeat(np.arange(L), H), "x")
    return fig.update_yaxes(autorange="reversed", showgrid=False, fixedrange=True)


def likeness(alike: Alike | None) -> go.Figure:
    """Every head against every other: how much of their attention is on the same bytes."""
    title = "On the same bytes"
    if alike is None or len(alike.heads) < 2 or np.isnan(alike.overlap).any():
        return theme.empty(title, "Appears with two heads, and more bytes than a head keeps.")
    shown = alike.overlap.astype(np.float32)
    np.fill_diagonal(shown, np.nan)
    names = [f"block {block + 1}, head {head + 1}" for block, head in alike.heads]
    fig = theme.figure(title, height=420)
    fig.add_heatmap(
        z=shown,
        zmin=0,
        zmax=1,
        x=names,
        y=names,
        colorscale=theme.SEQUENTIAL,
        colorbar=BAR,
        hoverongaps=False,
        hovertemplate="%{y}<br>%{x}<br>%{z:.1%} of their attention on the same bytes<extra></extra>",
    )
    fig.update_layout(margin={"l": 64, "r": 8, "t": 88, "b": 28}, title={"y": 0.95, "yanchor": "top"})
    for axis in ("x", "y"):
        _by_block(fig, alike.heads[:, 0], axis)
    return fig.update_yaxes(type="category", autorange="reversed", scaleanchor="x", constrain="domain").update_xaxes(
        constrain="domain"
    )


def explain(found: Survey, block: int, top_k: int) -> str:
    """What kind of attention the reader is looking at, and how much of it the block uses."""
    if found.sparse is None:
        return (
            "This is a vanilla model: it keeps every earlier byte, however small its share. For comparison, the page "
            f"also says how much the {top_k} heaviest hold."
        )
    full, weight = theme.percent(float(found.heads.filled.mean())), found.sparse[block]
    said = f"This is a routed model: in every head a byte keeps only its {top_k} best matches. "
    if found.heads.places < top_k:
        said += "The text is too short for any byte to leave one out. "
    else:
        said += f"{full} of the bytes here fill all {top_k} places; the first of a text have fewer to choose from. "
    if weight == 0:
        return said + f"The router gives attention no weight in block {block + 1}: what is shown there has no effect."
    return said + f"In block {block + 1} the router gives attention {theme.percent(weight)} of the mix, on average."


def summary(roles: Roles) -> str:
    """How many rules are named, and what it takes."""
    tests, named = int((~np.isnan(roles.p)).sum()), int(roles.named.sum())
    if not tests:
        return "The text is too short, or has too few kinds of byte, to tell a rule from chance."
    return (
        f"{named or 'None'} of {tests} pairs of a head and a rule are named. It takes a tenth of the attention beyond "
        f"chance, and an excess that is above 0 after Holm's correction for {tests} tests. Intervals are 95 %, from "
        "kinds of byte drawn again (all `e` together): a head that likes some letters follows no rule yet. Chance is "
        "what attention spread evenly over all bytes so far would give; for the start of the text, what the best "
        "other byte gets."
    )


def alike_caption(alike: Alike) -> str:
    """How to read `likeness`, and what of the model and the text it leaves out."""
    left_out = f" {alike.left_out} more heads are left out." if alike.left_out else ""
    return (
        "100 %: two heads look at the same bytes, alike; 0 %: at different ones. Near-duplicates have an interval from "
        f"{100 * SAME:.0f} % on, {100 * BEYOND:.0f} points beyond chance, as heads that look everywhere overlap too. "
        f"The mean over {alike.queries} bytes of the text.{left_out}"
    )


def list_of_rules(roles: Roles) -> pd.DataFrame:
    """The rules that are named, the clearest first, for a table on the page."""
    found = roles.table().query("named").sort_values("excess", ascending=False, kind="stable")
    pairs = zip(found["role"], found["offset"], strict=True)
    found["rule"] = [RULES[name] if pd.isna(d) else f"{d} bytes back" for name, d in pairs]
    return found[["block", "head", "rule", "share", "chance", "excess", "low", "high", "p"]]


def _marks(roles: Roles) -> list[list[str]]:
    """(R, N): a dot on what is named; the offset rule shows its distance."""
    return [
        [
            (str(d) if name == "offset" else "●") if named else ""
            for named, d in zip(row, roles.offset.flat, strict=True)
        ]
        for name, row in zip(ROLES, roles.named.reshape(len(ROLES), -1).tolist(), strict=True)
    ]


def _said(roles: Roles) -> list[list[str]]:
    """(R, N): what hovering over a cell says."""
    table = roles.table()
    table["said"] = [_saying(row) for _, row in table.iterrows()]
    return [table.loc[table["role"] == name, "said"].tolist() for name in ROLES]


def _saying(row: "pd.Series[Any]") -> str:
    back = 0 if pd.isna(row["offset"]) else int(row["offset"])
    does = ROLES[row["role"]].format(d=back, back=back + 1)
    if np.isnan(row["share"]):
        return f"block {row['block']}, head {row['head']} {does}?<br>not asked: the text is too short"
    share, chance, excess, low, high = (
        theme.percent(float(row[name])) for name in ("share", "chance", "excess", "low", "high")
    )
    sure = "no interval" if np.isnan(row["low"]) else f"95 % interval {low} to {high}"
    return (
        f"block {row['block']}, head {row['head']} {does}?<br>{share} of its attention, by chance {chance}"
        f"<br>{excess} more ({sure})"
    )


def _by_block(fig: go.Figure, block: NDArray[np.int64], axis: str) -> None:
    """Name the blocks along an axis of heads, and draw a line between any two."""
    places = [np.flatnonzero(block == number) for number in range(int(block.max()) + 1)]
    for own in places[1:]:
        (fig.add_vline if axis == "x" else fig.add_hline)(own[0] - 0.5, line={"color": "white", "width": 3})
    some = range(0, len(places), -(-len(places) // SMALL_ENOUGH))
    ticks = {"tickvals": [places[n].mean() for n in some], "ticktext": [f"block {n + 1}" for n in some]}
    (fig.update_xaxes if axis == "x" else fig.update_yaxes)(showgrid=False, zeroline=False, fixedrange=True, **ticks)


def _intervals(number: str, low: Floats, high: Floats) -> list[list[str]]:
    """(L, H): what hovering adds to a mean."""
    return [
        ["" if np.isnan(a) else f"<br>95 % interval {number.format(a)} to {number.format(b)}" for a, b in row]
        for row in np.stack((low, high), axis=-1)
    ]
