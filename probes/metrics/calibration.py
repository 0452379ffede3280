"""When it says 80 %, is it right 80 % of the time? Confidences that are probabilities, in bins.

The calibration error is biased upward: a perfectly calibrated model shows about 0.08 on 210 rows. So beside it stand
what calibrated models would have shown on the same confidences, by drawing right and wrong as often as they say, and
the share of them that show as much (Broecker and Smith 2007; Vaicenavicius et al. 2019). A confidence outside 0 to 1
raises; it never falls out of every bin. Where rows hang together, calibrated models are made by turning round what was
missed and exceeded, group by group (the wild bootstrap, Cameron, Gelbach and Miller 2008), so that such a group is one
witness.
"""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from probes.metrics.draws import DRAWS
from probes.metrics.figure import Counts, Floats, Holds, Measured, Truth, Z, grouped, probabilities, undefined
from probes.metrics.shares import wilson
from tilelli.errors import InputError

BINS = 15
EXACT = 1000  # rows of a bin up to which each is drawn; a larger one's sum is drawn from the normal distribution
Equal = Literal["width", "mass"]
"""Bins of equal width, or with about as many rows in each."""


@dataclass(frozen=True)
class CalibrationError(Holds):
    """An expected calibration error and what a calibrated model would have shown.

    `low` and `high` hold the error of these bins at these confidences at least 95 times in 100. As every bin adds its
    noise to the value, they reach much further down than up.

    Attributes:
        expected: mean of calibrated models.
        band: 95 % of calibrated models show less.
        p: share of calibrated models that show as much.
    """

    expected: float | None
    band: float | None
    p: float | None


@dataclass(frozen=True, eq=False)
class Reliability:
    """Confidence against accuracy, one entry a bin that has rows; every field is (bins,).

    Attributes:
        low, high: the lowest and the highest confidence in the bin.
        n: rows.
        confidence: their mean.
        accuracy: share of right ones; `accuracy_low` and `accuracy_high` are its Wilson interval.
        band_low, band_high: where 95 % of calibrated models would have it.
    """

    low: Floats
    high: Floats
    n: Counts
    confidence: Floats
    accuracy: Floats
    accuracy_low: Floats
    accuracy_high: Floats
    band_low: Floats
    band_high: Floats


@dataclass(frozen=True, eq=False)
class _Bins:
    """Rows in the `order` of their confidence; bin b of them begins at start[b] and has n[b]."""

    c: Floats
    truth: Truth
    start: NDArray[np.intp]
    n: Counts
    order: NDArray[np.intp]

    def sums(self, values: NDArray[np.generic]) -> Floats:
        return np.add.reduceat(values.astype(np.float64), self.start, axis=-1)


def ece(
    confidence: ArrayLike,
    correct: ArrayLike,
    bins: int = BINS,
    equal: Equal = "width",
    seed: int = 0,
    group: ArrayLike | None = None,
) -> CalibrationError:
    """Expected calibration error: over bins, the gap between confidence and accuracy, weighted by rows; 0 to 1.

    Args:
        confidence: (n,) probabilities that the answer is right. One on an edge belongs to the bin above, 1 to the last.
        correct: (n,) whether it is.
        bins: how many.
        equal: see `Equal`; equal confidences share a bin.
        seed: of what calibrated models would have shown.
        group: (n,) which rows hang together; None where each stands for itself.

    Raises:
        InputError: a confidence is outside 0 to 1, or there is no bin.
    """
    found = _bins(confidence, correct, bins, equal)
    n = len(found.c)
    if n == 0:
        return CalibrationError(undefined(0), None, None, None)
    said, right = found.sums(found.c), found.sums(found.truth)
    value = float(np.abs(right - said).sum() / n)
    if group is None:
        null = np.abs(_calibrated(found, seed) - said).sum(axis=1) / n
        ends = _interval(value, right, found.n, seed)
    else:
        null, ends = _wild(found, grouped(group, n)[found.order], value, seed)
    p = float((1 + (null >= value - 1e-12).sum()) / (1 + DRAWS))
    measured = Measured(value, *ends, n)
    return CalibrationError(measured, float(null.mean()), float(np.quantile(null, 0.95)), p)


def reliability(
    confidence: ArrayLike, correct: ArrayLike, bins: int = BINS, equal: Equal = "width", seed: int = 0
) -> Reliability:
    """The table behind `ece`; same arguments."""
    found = _bins(confidence, correct, bins, equal)
    right = found.sums(found.truth)
    shares = [wilson(int(k), int(n)) for k, n in zip(right, found.n, strict=True)]
    ends = [np.array([getattr(share, end) for share in shares], dtype=float) for end in ("value", "low", "high")]
    band = np.quantile(_calibrated(found, seed) / found.n, [0.025, 0.975], axis=0)
    last = found.start + found.n - 1
    return Reliability(found.c[found.start], found.c[last], found.n, found.sums(found.c) / found.n, *ends, *band)


def _bins(confidence: ArrayLike, correct: ArrayLike, bins: int, equal: Equal) -> _Bins:
    c, truth = probabilities(confidence, correct)
    if bins < 1:
        raise InputError("There must be a bin", str(bins), "Use 1 or more.")
    order = np.argsort(c, kind="stable")
    c = c[order]
    if equal == "width":
        place = np.searchsorted(np.linspace(0, 1, bins + 1)[1:-1], c, side="right")
    else:
        place = np.searchsorted(c, c, side="left") * bins // max(len(c), 1)
    start = np.flatnonzero(np.diff(place, prepend=-1))
    return _Bins(c, truth[order], start, np.diff(start, append=len(c)), order)


def _calibrated(found: _Bins, seed: int) -> Floats:
    """(DRAWS, bins): right ones in each bin of models that are right as often as they say."""
    random, drawn = np.random.default_rng(seed), np.zeros((DRAWS, len(found.n)))
    for b, (start, n) in enumerate(zip(found.start, found.n, strict=True)):
        chance = found.c[start : start + n]
        if n <= EXACT:
            drawn[:, b] = (random.random((DRAWS, n)) < chance).sum(axis=1)
        else:
            width = np.sqrt((chance * (1 - chance)).sum())
            drawn[:, b] = np.clip(random.normal(chance.sum(), width, DRAWS), 0, n)
    return drawn


def _interval(value: float, right: Floats, n: Counts, seed: int) -> tuple[float, float]:
    """Both ends, each passed over by the truth 2.5 times in 100 at most.

    With g the true gaps and G those seen, the value is at most sum |g| + sum |G - g| (drawn), and the truth at most the
    value + sum +-(g - G), which varies like the number of right rows.
    """
    rate = (right + 1) / (n + 2)  # a bin of one row is not certain
    noise = np.abs(np.random.default_rng(seed).binomial(n, rate, (DRAWS, len(n))) - n * rate).sum(axis=1) / n.sum()
    error = np.sqrt((n * rate * (1 - rate)).sum()) / n.sum()
    return max(0.0, value - float(np.quantile(noise, 0.975))), min(1.0, value + Z * float(error))


def _wild(found: _Bins, group: Counts, value: float, seed: int) -> tuple[Floats, tuple[float, float]]:
    """Errors of calibrated models (DRAWS,), and both ends of the interval as in `_interval`, from G groups."""
    n, place = len(found.c), np.repeat(np.arange(len(found.n)), found.n)
    missed = found.truth - found.c
    gap = (found.sums(missed) / found.n)[place]
    whole, noise = np.zeros((2, int(group.max()) + 1, len(found.n)))
    np.add.at(whole, (group, place), missed)
    np.add.at(noise, (group, place), missed - gap)
    sign = np.random.default_rng(seed).choice((-1.0, 1.0), (DRAWS, len(whole)))
    null = np.abs(sign @ whole).sum(axis=1) / n  # gaps and all, so that bins of few groups do not look certain
    error = np.sqrt(((noise @ np.sign(found.sums(missed))) ** 2).sum()) / n
    return null, (max(0.0, value - float(np.quantile(null, 0.975))), min(1.0, value + Z * float(error)))
