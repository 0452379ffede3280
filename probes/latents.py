"""How are the floats of one tensor spread? A histogram with the two rounding thresholds of a ternary one.

A few weights far out would squash all others into one bar, so the picture ends where a thousandth of the weights is
left on either side, and says how many lie beyond and how far. Any other range can be asked for: it gets bins of its
own. This module counts; it knows nothing of how the counts are drawn.
"""

import math
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probes.weights import NEAR, THRESHOLD, check_near, close, walk
from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.ternary import quantize

Floats = NDArray[np.float64]

LEFT_OUT = 0.001  # share of the weights that may lie beyond either end of the picture
BINS = 64  # about
MOST_BINS = 4 * BINS
LARGEST = 3.5e38  # beyond, there is no float32


@dataclass(frozen=True)
class Latent:
    """The floats of one tensor, counted.

    Attributes:
        name: of the tensor.
        edges: (n + 1,) ends of the bins; each threshold that lies inside is one of them.
        counts: (n,) weights a bin.
        below, above: how many weights lie beyond the first and the last edge.
        lowest, highest: of all weights.
        scale: that of a ternary tensor, None for a float one.
        near: what counts as close to a threshold, in scales.
        close: how many weights are that close; None for a float tensor.
    """

    name: str
    edges: Floats
    counts: NDArray[np.int64]
    below: int
    above: int
    lowest: float
    highest: float
    scale: float | None
    near: float = NEAR
    close: int | None = None

    @property
    def threshold(self) -> float | None:
        """Where rounding changes from 0 to +1, and below zero from 0 to -1; None for floats."""
        return None if self.scale is None else THRESHOLD * self.scale

    @property
    def total(self) -> int:
        """How many weights the tensor has."""
        return int(self.counts.sum()) + self.below + self.above

    def table(self) -> pd.DataFrame:
        """One row a bin: `from`, `to`, `weights`."""
        return pd.DataFrame({"from": self.edges[:-1], "to": self.edges[1:], "weights": self.counts})


def latent(model: ByteLM, name: str, low: float | None = None, high: float | None = None, near: float = NEAR) -> Latent:
    """The histogram of one tensor's floats.

    Args:
        low, high: where the picture begins and ends; None leaves a thousandth of the weights outside, and always
            shows both thresholds of a ternary tensor.
        near: closer to a threshold than this, in scales, counts as close.

    Raises:
        InputError: the model has no such tensor, or the range is empty.
    """
    check_near(near)
    for known, weight, rounding in walk(model):
        if known == name:
            values = weight.detach().double().flatten().cpu().numpy()
            scale = float(quantize(weight.detach())[1]) if rounding else None
            number = None if scale is None else int(close(weight.detach(), scale, near).sum())
            return _count(name, values, scale, _ends(values, scale, low, high), near, number)
    raise InputError("The model has no such tensor", name[:80], "See probes.weights.tensors for their names.")


def _ends(values: Floats, scale: float | None, low: float | None, high: float | None) -> tuple[float, float]:
    """Where the picture begins and ends: as asked for, else by quantiles that are weights themselves."""
    first = float(np.quantile(values, LEFT_OUT, method="lower"))
    last = float(np.quantile(values, 1 - LEFT_OUT, method="higher"))
    if scale is not None:
        first, last = min(first, -scale), max(last, scale)
    if first == last:
        first, last = first - 1, last + 1
    low, high = first if low is None else low, last if high is None else high
    if not -LARGEST <= low < high <= LARGEST:
        raise InputError("There is nothing in this range", f"{low:g} to {high:g}", "Begin below its end.")
    return low, high


def _count(
    name: str, values: Floats, scale: float | None, ends: tuple[float, float], near: float, number: int | None
) -> Latent:
    edges = _edges(*ends, scale)
    counts, _ = np.histogram(values, bins=edges)
    return Latent(
        name=name,
        edges=edges,
        counts=counts.astype(np.int64),
        below=int((values < edges[0]).sum()),
        above=int((values > edges[-1]).sum()),
        lowest=float(values.min()),
        highest=float(values.max()),
        scale=scale,
        near=near,
        close=number,
    )


def _edges(low: float, high: float, scale: float | None) -> Floats:
    """About `BINS` bins of one width; for a ternary tensor that width divides half the scale, so that no bin holds
    weights of two different trits."""
    if scale is None:
        return np.asarray(np.linspace(low, high, BINS + 1), dtype=np.float64)
    half = THRESHOLD * scale
    step = half / max(1, round(min(BINS * half / (high - low), 1e9)))
    first, last = math.floor(low / step), math.ceil(high / step)
    if last - first > MOST_BINS:  # so wide a range that even half a scale is narrow: cut the bins at the thresholds
        inside = [threshold for threshold in (-half, half) if low < threshold < high]
        return np.union1d(np.linspace(low, high, BINS + 1), inside)
    return np.asarray(step * np.arange(first, last + 1), dtype=np.float64)
