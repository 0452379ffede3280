"""Confidences put right: a monotone map, fitted on some rows and applied to others.

Temperature and Platt have one and two numbers to learn, isotonic as many as the rows allow. A rising map changes how
far confidences can be believed and not how they rank, except that isotonic makes ties.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from probes.metrics.figure import Floats, Truth, one_class, paired, probabilities
from probes.metrics.scores import FLOOR, monotone
from probes.metrics.threshold import Rows, separate
from tilelli.errors import InputError

Map = Callable[[ArrayLike], Floats]


@dataclass(frozen=True)
class Temperature:
    """p -> sigmoid(logit(p) / temperature); above 1 it takes confidence away (Guo et al. 2017)."""

    temperature: float

    def __call__(self, confidence: ArrayLike) -> Floats:
        return _sigmoid(_logit(np.asarray(confidence, dtype=np.float64)) / self.temperature)


@dataclass(frozen=True)
class Platt:
    """s -> sigmoid(slope * s + offset), for any score (Platt 1999)."""

    slope: float
    offset: float

    def __call__(self, score: ArrayLike) -> Floats:
        return _sigmoid(self.slope * np.asarray(score, dtype=np.float64) + self.offset)


@dataclass(frozen=True, eq=False)
class Isotonic:
    """The rising line through (x, y), flat beyond its ends (Zadrozny and Elkan 2002)."""

    x: Floats
    y: Floats

    def __call__(self, score: ArrayLike) -> Floats:
        return np.interp(np.asarray(score, dtype=np.float64), self.x, self.y)


def temperature(confidence: ArrayLike, correct: ArrayLike) -> Temperature:
    """The temperature, 0.01 to 100, of the least log loss on (n,) probabilities and whether each answer is right."""
    from scipy.optimize import minimize_scalar

    c, truth = probabilities(confidence, correct)
    _both(truth)
    signed = np.where(truth, 1, -1) * _logit(c)
    found = minimize_scalar(
        lambda log: np.logaddexp(0, -signed / np.exp(log)).mean(), bounds=np.log([0.01, 100]), options={"xatol": 1e-8}
    )
    return Temperature(float(np.exp(found.x)))


def platt(score: ArrayLike, correct: ArrayLike) -> Platt:
    """Slope and offset of the least log loss on (n,) scores, with Platt's softened targets."""
    from scipy.optimize import minimize

    s, truth = paired(score, correct)
    _both(truth)
    right, wrong = truth.sum(), (~truth).sum()
    target = np.where(truth, (right + 1) / (right + 2), 1 / (wrong + 2))
    middle, width = s.mean(), s.std() or 1.0
    z = (s - middle) / width

    def loss(ab: Floats) -> tuple[float, Floats]:
        u = ab[0] * z + ab[1]
        slack = _sigmoid(u) - target
        return float((np.logaddexp(0, u) - target * u).sum()), np.array([slack @ z, slack.sum()])

    slope, offset = minimize(loss, np.zeros(2), jac=True, method="BFGS", options={"gtol": 1e-9 * len(s)}).x
    return Platt(float(slope / width), float(offset - slope * middle / width))


def isotonic(score: ArrayLike, correct: ArrayLike) -> Isotonic:
    """The rising line nearest to whether each answer is right, of (n,) scores; straight between them."""
    s, truth = paired(score, correct)
    _both(truth)
    x, place, rows = np.unique(s, return_inverse=True, return_counts=True)
    return Isotonic(x, monotone(x, place, rows, truth))


def recalibrated(fit: Callable[[ArrayLike, ArrayLike], Map], *, calibration: Rows, test: Rows) -> tuple[Floats, Map]:
    """Confidences of the test rows after a map fitted on the calibration rows, and the map.

    Args:
        fit: `temperature`, `platt` or `isotonic`.
        calibration: scores and whether each answer is right.
        test: the same of other rows; only the scores are used.

    Raises:
        InputError: both sets are the same rows, or the calibration rows are all right or all wrong.
    """
    known, new = separate(calibration, test)
    learned = fit(*known)
    return learned(new[0]), learned


def _both(truth: Truth) -> None:
    if one_class(truth):
        seen = f"{int(truth.sum())} right of {len(truth)}"
        raise InputError("There is nothing to fit", seen, "Use rows with right and with wrong answers.")


def _logit(p: Floats) -> Floats:
    clipped = np.clip(p, FLOOR, 1 - FLOOR)
    logit: Floats = np.log(clipped) - np.log1p(-clipped)
    return logit


def _sigmoid(u: Floats) -> Floats:
    from scipy.special import expit

    return np.asarray(expit(u), dtype=np.float64)
