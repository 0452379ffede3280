"""Selective prediction: answer only when sure enough, and see how many of the answers given are wrong.

Rows are kept from the surest down. *Coverage* is the share kept, *risk* the share of wrong answers among those kept,
*generalised risk* the wrong answers kept as a share of all rows. Rows of equal confidence are kept or left together:
they make one step of the curve, and an area counts them as if they came in random order. A set that is all right or all
wrong has no ranking to judge: its areas are undefined.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from probes.metrics.draws import figure, resampled
from probes.metrics.figure import Counts, Floats, Measured, Truth, one_class, paired, undefined
from probes.metrics.shares import wilson

Area = Callable[[Counts, Counts], Floats]  # of (draws, G) rows of each confidence and wrong ones among them: (draws,)


@dataclass(frozen=True, eq=False)
class RiskCoverage:
    """The curve, one entry a different confidence, surest first; every field is (G,).

    Attributes:
        threshold: the confidence from which on rows are kept.
        coverage: share kept.
        risk: share of wrong ones among those kept; `low` and `high` are its Wilson interval.
        generalised: wrong ones kept, as a share of all rows.
    """

    threshold: Floats
    coverage: Floats
    risk: Floats
    low: Floats
    high: Floats
    generalised: Floats


def risk_coverage(confidence: ArrayLike, correct: ArrayLike) -> RiskCoverage:
    """The curve of (n,) confidences, higher is surer, and whether each answer is right.

    It describes these rows. To promise something of others choose a threshold by `risk_at_coverage`.
    """
    c, truth = paired(confidence, correct)
    order, starts = _order(c)
    kept = np.append(starts[1:], len(c))[: len(starts)]
    wrong = np.cumsum(~truth[order])[kept - 1] if len(c) else np.zeros(0, dtype=int)
    shares = [wilson(int(k), int(n)) for k, n in zip(wrong, kept, strict=True)]
    risk, low, high = (np.array([getattr(share, end) for share in shares]) for end in ("value", "low", "high"))
    n = max(len(c), 1)
    return RiskCoverage(c[order][starts], kept / n, risk, low, high, wrong / n)


def augrc(confidence: ArrayLike, correct: ArrayLike, seed: int = 0) -> Measured:
    """Area under generalised risk over coverage, 0 to 1/2, lower is better (Traub et al. 2024).

    With an error rate e an oracle gives e^2 / 2 and a confidence that knows nothing e / 2; it equals
    e^2 / 2 + e (1 - e) (1 - AUROC). The interval comes from resampling rows.
    """
    return _measured(confidence, correct, seed, _augrc)


def aurc(confidence: ArrayLike, correct: ArrayLike, seed: int = 0) -> Measured:
    """Area under risk over coverage: the mean risk of the k surest rows, k = 1 to n (Geifman et al. 2019).

    It weighs the surest rows most: the very first is in every one of the n means. Interval as in `augrc`.
    """
    return _measured(confidence, correct, seed, _aurc)


def eaurc(confidence: ArrayLike, correct: ArrayLike, seed: int = 0) -> Measured:
    """AURC minus that of an oracle with as many wrong answers; 0 is perfect. Interval as in `augrc`."""
    return _measured(confidence, correct, seed, lambda rows, wrong: _aurc(rows, wrong) - _oracle(rows, wrong))


def _measured(confidence: ArrayLike, correct: ArrayLike, seed: int, area: Area) -> Measured:
    c, truth = paired(confidence, correct)
    if one_class(truth):
        return undefined(len(c))
    order, starts = _order(c)

    def areas(count: Counts) -> Floats:
        ranked = count[:, order]
        return area(*(np.add.reduceat(part, starts, axis=1) for part in (ranked, ranked * ~truth[order])))

    value = areas(np.ones((1, len(c)), dtype=np.int64))[0]
    drawn = np.concatenate([areas(count) for (count,) in resampled([len(c)], seed)])
    return figure(value, drawn, len(c), _rarest(truth))


def _order(confidence: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows from the surest down, and where in that order each new confidence begins."""
    order = np.argsort(-confidence, kind="stable")
    ranked = confidence[order]
    return order, np.flatnonzero(np.diff(ranked, prepend=np.inf))


def _rarest(truth: Truth) -> int:
    return int(min(truth.sum(), (~truth).sum()))


def _augrc(rows: Counts, wrong: Counts) -> Floats:
    n, errors = rows.sum(axis=1), np.cumsum(wrong, axis=1)
    area: Floats = ((errors - wrong / 2) * rows).sum(axis=1) / n**2  # trapezia from (0, 0)
    return area


def _aurc(rows: Counts, wrong: Counts) -> Floats:
    """Sum over k of the errors expected among the k surest, over k; within ties errors grow evenly."""
    kept, errors = np.cumsum(rows, axis=1), np.cumsum(wrong, axis=1)
    before, missed = kept - rows, errors - wrong
    rate = wrong / np.maximum(rows, 1)
    H = _harmonic(int(kept[0, -1]))
    area: Floats = ((missed - before * rate) * (H[kept] - H[before]) + rate * rows).sum(axis=1) / kept[:, -1]
    return area


def _oracle(rows: Counts, wrong: Counts) -> Floats:
    """AURC with all wrong rows last."""
    n, errors = rows.sum(axis=1), wrong.sum(axis=1)
    H, right = _harmonic(int(n[0])), n - errors
    area: Floats = (errors - right * (H[n] - H[right])) / n
    return area


def _harmonic(n: int) -> Floats:
    """(n + 1,): 1 + 1/2 + ... + 1/k of each k."""
    return np.concatenate([[0.0], np.cumsum(1 / np.arange(1, n + 1))])
