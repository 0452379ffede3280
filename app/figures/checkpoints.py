"""How a checkpoint learned: held-out bits per byte against training bytes."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import plotly.graph_objects as go

from app import theme

TITLE = "Held-out loss while training"


class Curve(NamedTuple):
    """One line: `megabytes` of text seen and `bpb` there."""

    name: str
    megabytes: list[float]
    bpb: list[float]


def gather(name: str, provenance: Mapping[str, Any]) -> Curve | None:
    """The curve that a checkpoint's provenance holds; None if it holds none that can be read.

    A splice has none: what it brings along is the curve of its base.
    """
    if "splice" in provenance:
        return None
    try:
        bytes_a_step = provenance["bytes_seen"] / provenance["steps"]
        points = [(float(step) * bytes_a_step / 1e6, float(bpb)) for step, bpb in provenance["held_out"]]
    except (KeyError, TypeError, ValueError, ZeroDivisionError):
        return None
    return Curve(name, [x for x, _ in points], [y for _, y in points]) if points else None


def learning_curve(curves: list[Curve]) -> go.Figure:
    """One line a checkpoint."""
    if not curves:
        return theme.empty(TITLE, "Checkpoints that carry their training history draw it here.")
    fig = theme.figure(TITLE, "training text, MB", "bits per byte", height=320)
    for curve in curves:
        fig.add_scatter(
            x=curve.megabytes,
            y=curve.bpb,
            name=curve.name,
            mode="lines+markers",
            hovertemplate="%{x:.1f} MB: %{y:.3f} bpb<extra>" + curve.name + "</extra>",
        )
    return fig
