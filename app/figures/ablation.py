"""What hangs on each pathway of each block, as a map: one cell a pathway, coloured by what it costs to do without."""

import math
from typing import Any, NamedTuple

import plotly.graph_objects as go

from app import theme
from probes.ablation import WHOLE, AblationMap
from probes.names import signed
from tilelli.config import PATHWAYS

TITLES = {"remove": "Change in bits per byte without it", "force": "Change in bits per byte with it alone"}
WAITING = "One cell for each pathway of each block, as soon as it is measured."
# Solid and light, so that dark numbers can be read on them in the light and the dark theme alike.
SCALE = [[0, "#4c9fd3"], [0.5, "#f2f2f2"], [1, "#ee8a2f"]]
INK, FAINT = "#111111", "#555555"


class Grid(NamedTuple):
    """Rows are blocks, the first on top, columns pathways. `strength` is signed, and 0 for what is not clear."""

    columns: list[str]
    rows: list[str]
    strength: list[list[float | None]]
    texts: list[list[str]]
    notes: list[list[str]]


def gather(result: AblationMap | None, n_blocks: int = 0) -> Grid | None:
    """The map as a grid; cells not measured yet show three dots, pathways that the model lacks a dash."""
    if result is None or not n_blocks:
        return None
    columns = [*PATHWAYS, *([WHOLE] if result.kind == "remove" else [])]
    blocks = range(1, n_blocks + 1)
    rows: list[dict[str, Any]] = result.cells.to_dict("records")  # type: ignore[assignment]
    found = {(row["block"], row["pathway"]): row for row in rows}
    present = {name for _, name in found}
    empty = {name: "…" if name in present or len(found) < len(columns) else "–" for name in columns}
    cells = [[found.get((block, name)) for name in columns] for block in blocks]
    return Grid(
        columns,
        [f"block {block}" for block in blocks],
        [[_strength(cell) if cell else None for cell in row] for row in cells],
        [[_text(cell) if cell else empty[name] for name, cell in zip(columns, row, strict=True)] for row in cells],
        [[_note(cell) if cell else "not measured" for cell in row] for row in cells],
    )


def heatmap(result: AblationMap | None, n_blocks: int = 0) -> go.Figure:
    """The map. The ground's strength goes with the square root of the change, so that small ones show beside large."""
    grid = gather(result, n_blocks)
    if result is None or grid is None:
        return theme.empty(TITLES["remove"], WAITING)
    most = max((abs(value) for row in grid.strength for value in row if value), default=1.0)
    fig = theme.figure(TITLES[result.kind], height=120 + 44 * len(grid.rows))
    fig.add_heatmap(
        x=grid.columns,
        y=grid.rows,
        z=grid.strength,
        customdata=grid.notes,
        zmin=-most,
        zmax=most,
        colorscale=SCALE,
        showscale=False,
        xgap=3,
        ygap=3,
        hoverongaps=False,
        hovertemplate="%{customdata}<extra></extra>",
    )
    for block, texts in zip(grid.rows, grid.texts, strict=True):
        for column, text in zip(grid.columns, texts, strict=True):
            font = {"size": 14, "color": INK if text.startswith("<b>") else FAINT} if text[0] in "<(" else {}
            fig.add_annotation(x=column, y=block, text=text, showarrow=False, font=font)
    fig.update_xaxes(side="top", showgrid=False, fixedrange=True, zeroline=False)
    fig.update_yaxes(autorange="reversed", showgrid=False, fixedrange=True, zeroline=False)
    return fig.update_layout(margin={"b": 16, "t": 84})


def _strength(cell: dict[str, Any]) -> float:
    return math.copysign(math.sqrt(abs(cell["change"])), cell["change"]) if cell["clear"] else 0.0


def _text(cell: dict[str, Any]) -> str:
    number = signed(cell["change"], 2)
    return f"<b>{number}</b>" if cell["clear"] else f"({number})"


def _note(cell: dict[str, Any]) -> str:
    ends = "no interval: the text is too short"
    if not math.isnan(cell["low"]):
        ends = f"95 % interval {cell['low']:+.3f} to {cell['high']:+.3f}, corrected p {cell['p_holm']:.2g}"
    words = f"{cell['intervention']}<br>{cell['change']:+.3f} bpb, from {cell['before']:.3f} to {cell['after']:.3f}"
    return f"{words}<br>{ends}".replace("-", "−")
