"""A mean over a text, and how sure it is: contiguous pieces of the text are drawn again and again.

Bytes of a text hang together, so single ones cannot be drawn as if they were strangers; pieces of some bytes nearly
can (block bootstrap, Kunsch 1989). A short text has few pieces, and then the usual 95 % of the drawn means hold the
truth less often than they say; so the ends are taken further out, as Student's t is further out than the normal
distribution (the expanded percentile interval of Hesterberg 2015). With fewer than five pieces there is no interval.
This module knows nothing of models.
"""

import math
from collections.abc import Sequence
from functools import lru_cache
from statistics import NormalDist
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from probes.metrics import Measured
from tilelli.errors import InputError

SEGMENT = 32  # bytes of a piece
MOST_SEGMENTS = 400  # of a long text; its pieces are longer
FEWEST = 5
DRAWS = 2000
GRID = 20_001  # points of an integral
Floats = NDArray[np.float64]


class Means(NamedTuple):
    """K means and both ends of their 95 % intervals, (K,) each; ends are NaN where there are too few pieces."""

    value: Floats
    low: Floats
    high: Floats


class Paired(NamedTuple):
    """How much a figure changed, and how surely it changed at all.

    Attributes:
        change: mean of after less before, with its interval; `n` counts pieces.
        p: two-sided, by Student's t over the pieces' changes; None with too few pieces.
    """

    change: Measured
    p: float | None


def paired(before: Floats, after: Floats, seed: int = 0) -> Paired:
    """The mean change (T,) -> (T,) of something measured at every byte, twice; both see the same pieces drawn."""
    difference = (after - before)[:, None]
    sums, sizes = pieces(difference, max(SEGMENT, math.ceil(len(difference) / MOST_SEGMENTS)))
    found = means(sums, sizes, seed)
    value, low, high = (float(part[0]) for part in found)
    if math.isnan(low):
        return Paired(Measured(value if len(sizes) else None, None, None, len(sizes)), None)
    return Paired(Measured(value, low, high, len(sizes)), _p(sums[:, 0] / sizes))


def pieces(values: Floats, length: int) -> tuple[Floats, Floats]:
    """Contiguous pieces of `values` (T, K), of `length` places or a few more: their sums (S, K) and sizes (S,).

    Sizes differ by one at most; what is shorter than `length` is one piece.
    """
    T = len(values)
    if not T:
        return np.zeros((0, values.shape[1])), np.zeros(0)
    edges = np.linspace(0, T, max(1, T // length) + 1).astype(int)
    return np.add.reduceat(values, edges[:-1], axis=0), np.diff(edges).astype(float)


def means(sums: Floats, sizes: Floats, seed: int = 0) -> Means:
    """Means over S pieces with sums (S, K) and sizes (S,), and their intervals; all K see the same pieces drawn.

    Raises:
        InputError: the seed is below 0.
    """
    S, K = sums.shape
    if seed < 0:
        raise InputError("There is no such seed", str(seed), "Use 0 or more.")
    if S == 0:
        return Means(*np.full((3, K), math.nan))
    value = sums.sum(axis=0) / sizes.sum()
    if S < FEWEST:
        return Means(value, *np.full((2, K), math.nan))
    times = np.random.default_rng(seed).multinomial(S, np.full(S, 1 / S), size=DRAWS).astype(float)  # (draws, S)
    tail = _tail(S)
    low, high = np.quantile((times @ sums) / (times @ sizes)[:, None], (tail, 1 - tail), axis=0)
    return Means(value, low, high)


def holm(p: Sequence[float]) -> Floats:
    """(n,): p-values adjusted so that the chance of even one false finding among n stays below 5 % (Holm 1979)."""
    values = np.asarray(p, dtype=float)
    order = np.argsort(values, kind="stable")
    stepped = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty(len(values))
    adjusted[order] = np.minimum(stepped, 1.0)
    return adjusted


def beyond(t: float, freedom: int) -> float:
    """How likely Student's t with `freedom` degrees is further from 0 than `t`, on either side."""
    # With t = sqrt(n) tan(a) the density becomes cos(a)^(n - 1) on a finite stretch.
    start = math.atan(abs(t) / math.sqrt(freedom))
    tail, whole = (
        float(np.trapezoid(np.cos(x) ** (freedom - 1), x))
        for x in (np.linspace(begin, math.pi / 2, GRID) for begin in (start, 0.0))
    )
    return min(1.0, tail / whole)


def _p(changes: Floats) -> float:
    spread = float(changes.std(ddof=1))
    if spread == 0:
        return 0.0 if changes[0] else 1.0
    return beyond(float(changes.mean()) / spread * math.sqrt(len(changes)), len(changes) - 1)


@lru_cache(maxsize=256)
def _tail(S: int) -> float:
    """The share of drawn means to leave out at each end, so that S pieces give a 95 % interval."""
    low, high = 1.0, 100.0
    for _ in range(50):  # the t that 5 % lie beyond
        middle = (low + high) / 2
        low, high = (middle, high) if beyond(middle, S - 1) > 0.05 else (low, middle)
    return NormalDist().cdf(-math.sqrt(S / (S - 1)) * low)
