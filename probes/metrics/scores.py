"""How far probabilities are from what came: Brier score and log loss; and calibration without bins.

A monotone fit of right on confidence (pool adjacent violators) splits the Brier score into miscalibration, which
recalibrating could take away, discrimination, which it could not give, and uncertainty, which lies in the questions:
score = miscalibration - discrimination + uncertainty (Dimitriadis, Gneiting and Jordan 2021).
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from probes.metrics.draws import mean
from probes.metrics.figure import Floats, Measured, Tested, Truth, probabilities, undefined

FLOOR = float(np.finfo(np.float64).eps)  # a probability of 0 counts as this in a logarithm
FITS = 500  # calibrated models that the fit is compared with
POINTS = 101  # of a drawn line at most
Places = NDArray[np.signedinteger]


@dataclass(frozen=True, eq=False)
class BrierSplit:
    """The Brier score in three, and the monotone line of a reliability diagram.

    The three have no interval: rows drawn again repeat, and a monotone fit follows repeats, so that it would sit too
    high. In its place miscalibration has a p: the share of calibrated models that show as much.

    Attributes:
        x, y: (points,) confidences, and how often the answer is right there, by the fit.
        low, high: (points,) where 95 % of calibrated models would have it.
    """

    score: Measured
    miscalibration: Tested
    discrimination: Measured
    uncertainty: Measured
    x: Floats
    y: Floats
    low: Floats
    high: Floats


def brier(confidence: ArrayLike, correct: ArrayLike, seed: int = 0) -> Measured:
    """Mean over rows of (confidence - right)^2, 0 to 1, lower is better; rows are resampled.

    Args:
        confidence: (n,) probabilities that the answer is right.
        correct: (n,) whether it is.
        seed: of the resampling.

    Raises:
        InputError: a confidence is outside 0 to 1.
    """
    c, truth = probabilities(confidence, correct)
    return mean((c - truth) ** 2, seed)


def log_loss(confidence: ArrayLike, correct: ArrayLike, seed: int = 0) -> Measured:
    """Mean over rows of -ln of the probability given to what came, in nats; arguments as in `brier`.

    Certainty in the wrong costs 36 nats, not infinitely many, as a probability of 0 counts as 2e-16.
    """
    c, truth = probabilities(confidence, correct)
    return mean(-np.log(np.clip(np.where(truth, c, 1 - c), FLOOR, 1)), seed)


def brier_split(confidence: ArrayLike, correct: ArrayLike, seed: int = 0) -> BrierSplit:
    """The split, the line and its band; arguments as in `brier`."""
    c, truth = probabilities(confidence, correct)
    n, empty = len(c), np.zeros(0)
    if n == 0:
        nothing = undefined(0)
        return BrierSplit(nothing, Tested(nothing, None), nothing, nothing, empty, empty, empty, empty)
    x, place, rows = np.unique(c, return_inverse=True, return_counts=True)
    fit, rate = monotone(x, place, rows, truth), truth.mean()
    best, uncertainty = _score(fit[place], truth), rate * (1 - rate)
    points = np.unique(np.linspace(0, len(x) - 1, POINTS).astype(int))
    null, band = _calibrated(c, x, place, rows, points, seed)
    excess = _score(c, truth) - best
    p = float((1 + (null >= excess - 1e-12).sum()) / (1 + FITS))
    lost, gained, given = (Measured(float(part), None, None, n) for part in (excess, uncertainty - best, uncertainty))
    low, high = band
    return BrierSplit(brier(c, truth, seed), Tested(lost, p), gained, given, x[points], fit[points], low, high)


def monotone(x: Floats, place: Places, rows: Places, truth: Truth) -> Floats:
    """(len(x),): the rising line nearest to `truth` (n,), whose rows belong to `place` (n,) of x, `rows` to each."""
    from scipy.optimize import isotonic_regression

    shares = np.bincount(place, weights=truth, minlength=len(x)) / rows
    return np.asarray(isotonic_regression(shares, weights=rows).x, dtype=np.float64)


def _calibrated(c: Floats, x: Floats, place: Places, rows: Places, points: Places, seed: int) -> tuple[Floats, Floats]:
    """Of `FITS` calibrated models: miscalibration (FITS,), and the band of their lines (2, points)."""
    random, lines, excess = np.random.default_rng(seed), np.zeros((FITS, len(points))), np.zeros(FITS)
    for draw in range(FITS):
        truth = random.random(len(c)) < c
        fit = monotone(x, place, rows, truth)
        lines[draw], excess[draw] = fit[points], _score(c, truth) - _score(fit[place], truth)
    return excess, np.quantile(lines, [0.025, 0.975], axis=0)


def _score(probability: Floats, truth: Truth) -> float:
    return float(((probability - truth) ** 2).mean())
