"""A threshold that is chosen on some rows and read on others.

Chosen and read on the same rows, a threshold flatters itself: it was picked because it looked good there. So both
functions ask for the two sets apart, and refuse one that is given twice.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from probes.metrics.figure import Floats, Measured, Truth, paired, undefined
from probes.metrics.selective import risk_coverage
from probes.metrics.shares import wilson
from tilelli.errors import InputError

Rows = tuple[ArrayLike, ArrayLike]
"""Confidences (n,), higher is surer, and whether each answer is right (n,)."""


@dataclass(frozen=True)
class Operating:
    """What a threshold does on rows that had no part in choosing it.

    Attributes:
        threshold: answers are given from this confidence on; None where no threshold does what was asked for.
        risk: share of wrong ones among the answers given, with Wilson interval; undefined if none is given.
        coverage: share of rows answered, with Wilson interval.
    """

    threshold: float | None
    risk: Measured
    coverage: Measured


def risk_at_coverage(coverage: float, *, calibration: Rows, test: Rows) -> Operating:
    """Answer the surest share of rows, at least `coverage` of the calibration rows: how many are wrong on the test?

    Raises:
        InputError: `coverage` is not above 0 and at most 1, or both sets are the same.
    """
    if not 0 < coverage <= 1:
        raise InputError("A coverage is a share of rows", f"{coverage:g}", "Use a number above 0, at most 1.")
    known, new = separate(calibration, test)
    curve = risk_coverage(*known)
    enough = curve.threshold[curve.coverage >= coverage - 1e-12]
    return operate(float(enough[0]) if len(enough) else None, *new)


def coverage_at_risk(risk: float, *, calibration: Rows, test: Rows) -> Operating:
    """Answer as much as keeps the risk on the calibration rows at or below `risk`: how much is that on the test?

    It promises nothing of the risk on the test; that is told.

    Raises:
        InputError: `risk` is no share, or both sets are the same.
    """
    if not 0 <= risk <= 1:
        raise InputError("A risk is a share of answers", f"{risk:g}", "Use a number from 0 to 1.")
    known, new = separate(calibration, test)
    curve = risk_coverage(*known)
    low_enough = curve.threshold[curve.risk <= risk + 1e-12]
    return operate(float(low_enough[-1]) if len(low_enough) else None, *new)


def operate(threshold: float | None, confidence: ArrayLike, correct: ArrayLike) -> Operating:
    """What a threshold that is already there does on these rows."""
    c, truth = paired(confidence, correct)
    if threshold is None:
        return Operating(None, undefined(0), undefined(len(c)))
    kept = c >= threshold
    n = int(kept.sum())
    return Operating(threshold, wilson(int((kept & ~truth).sum()), n), wilson(n, len(c)))


def separate(calibration: Rows, test: Rows) -> tuple[tuple[Floats, Truth], tuple[Floats, Truth]]:
    """Both sets, checked.

    Raises:
        InputError: they are the same rows.
    """
    known, new = paired(*calibration), paired(*test)
    if len(known[0]) and np.array_equal(known[0], new[0]) and np.array_equal(known[1], new[1]):
        raise InputError("Chosen and read on the same rows", f"{len(known[0])} rows", "Split them first.")
    return known, new
