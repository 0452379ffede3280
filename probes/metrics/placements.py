"""Where each row stands among those of the other class, and what follows without drawing anything.

The AUROC is the mean of these placements, and its variance is that of DeLong et al. (1988): a check of the resampled
intervals, and the source of p-values, as 2 000 draws cannot tell one in a million. Where one class lies wholly above
the other neither can tell how far it might have been from that; there Newcombe (2006) can.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from probes.metrics.figure import Floats, Measured, Tested, Truth, Z, one_class, paired, undefined


class Placements(NamedTuple):
    """(P,) of each positive, the share of negatives below it; (N,) of each negative, of positives above; ties half."""

    positive: Floats
    negative: Floats


def placements(score: Floats, truth: Truth) -> Placements:
    """Of scores and truth values (n,), both classes among them."""
    positive, negative = np.sort(score[truth]), np.sort(score[~truth])
    return Placements(_below(negative, score[truth]), 1 - _below(positive, score[~truth]))


def error(one: Placements, other: Placements | None = None) -> float:
    """DeLong's standard error of an AUROC, or of the difference between two on the same rows; NaN with a lone row."""
    parts = one if other is None else [a - b for a, b in zip(one, other, strict=True)]
    if min(map(len, parts)) < 2:
        return float("nan")
    return float(np.sqrt(sum(part.var(ddof=1) / len(part) for part in parts)))


def delong(score: ArrayLike, label: ArrayLike) -> Measured:
    """The AUROC as in `auroc`, with the interval of DeLong et al. (1988), cut off at 0 and 1."""
    s, truth = paired(score, label)
    if one_class(truth):
        return undefined(len(s))
    placed = placements(s, truth)
    value, half = float(placed.positive.mean()), Z * error(placed)
    if np.isnan(half):
        return Measured(value, None, None, len(s))
    return Measured(value, max(0.0, value - half), min(1.0, value + half), len(s))


def delong_difference(one: ArrayLike, other: ArrayLike, label: ArrayLike) -> Tested:
    """AUROC of `one` minus that of `other` on the same rows, with interval and two-sided p of DeLong et al. (1988)."""
    (a, truth), (b, _) = paired(one, label), paired(other, label)
    if one_class(truth):
        return Tested(undefined(len(a)), None)
    first, second = placements(a, truth), placements(b, truth)
    value, wrong = float(first.positive.mean() - second.positive.mean()), error(first, second)
    if np.isnan(wrong):
        return Tested(Measured(value, None, None, len(a)), None)
    return Tested(Measured(value, value - Z * wrong, value + Z * wrong, len(a)), by_chance(value, wrong))


def by_chance(value: float, wrong: float) -> float | None:
    """Two-sided p of a value with a standard error; where nothing varies 1 of nothing, and otherwise undefined."""
    from scipy.special import ndtr

    if wrong > 0:
        return float(2 * ndtr(-abs(value) / wrong))
    return 1.0 if value == 0 else None


def perfect(positives: int, negatives: int) -> float:
    """The lower end for an AUROC of 1: how low the true one may be and still show no pair the wrong way round.

    The score interval with the variance of Hanley and McNeil (Newcombe 2006, method 5). 30 and 30 rows give 0.933.
    """
    from scipy.optimize import brentq

    many = (positives + negatives) / 2 - 1

    def beyond(t: float) -> float:
        variance = t * (1 + many * (1 - t) / (2 - t) + many * t / (1 + t)) / (positives * negatives)
        return 1 - t - Z * Z * variance  # both sides divided by 1 - t

    return float(brentq(beyond, 0, 1))


def _below(ranked: Floats, score: Floats) -> Floats:
    """Share of `ranked` below each score; ties half."""
    left, right = (np.searchsorted(ranked, score, side=side) for side in ("left", "right"))
    return (left + right) / (2 * len(ranked))
