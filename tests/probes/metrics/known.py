"""Simulated answers of which the truth is known, for the tests of the measures."""

from collections.abc import Iterable
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from probes.metrics import Measured

Rows = tuple[NDArray[np.float64], NDArray[np.bool_]]


def ranked(seed: int, auroc: float = 0.75, positives: int = 60, negatives: int = 60) -> Rows:
    """Scores that rank positives above negatives with this probability, and which are positives."""
    truth = np.arange(positives + negatives) < positives
    shift = NormalDist().inv_cdf(auroc) * 2**0.5
    return np.random.default_rng(seed).normal(size=len(truth)) + shift * truth, truth


def answered(seed: int, n: int = 200, over: float = 0.0) -> Rows:
    """Confidences spread evenly over 0 to 1, and answers that are right as often less `over`."""
    random = np.random.default_rng(seed)
    confidence = random.random(n)
    return confidence, random.random(n) < confidence - over


def held(truth: float, figures: Iterable[Measured]) -> int:
    """How many intervals hold the truth."""
    return sum(f.low <= truth <= f.high for f in figures if f.low is not None and f.high is not None)
