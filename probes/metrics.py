"""Figures with their uncertainty: how well a score tells two classes apart, and how often something happens.

Intervals are 95 %. Those of an AUROC, and of a difference between two on the same rows, come from resampling rows
within each class; all scores see the same resampled rows, so that what they share cancels. Where a figure makes no
sense, as an AUROC with one class, it is None and never a number in the middle. This module knows nothing of models.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tilelli.errors import InputError

DRAWS = 2000
CELLS = 1_000_000  # of a table of draws and rows held at a time
TAILS = (2.5, 97.5)
Z = 1.959963984540054  # 97.5 % of a normal distribution lie below
POWER = 0.8416212335729143  # and 80 % below this
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]


@dataclass(frozen=True)
class Measured:
    """A figure and its 95 % interval.

    Attributes:
        value: the figure; None where it is undefined.
        low, high: the interval; None where there is none.
        n: rows it was computed from.
    """

    value: float | None
    low: float | None
    high: float | None
    n: int

    @property
    def findable(self) -> float | None:
        """For a difference: the smallest that rows like these would have told from none, four times out of five."""
        return None if self.low is None or self.high is None else (self.high - self.low) / 2 * (1 + POWER / Z)


@dataclass(frozen=True)
class Spread:
    """A figure over several checkpoints: mean, lowest, highest, and how many had it."""

    mean: float | None
    lowest: float | None
    highest: float | None
    n: int


def auroc(score: ArrayLike, label: ArrayLike, seed: int = 0) -> Measured:
    """Probability, 0 to 1, that a row labelled true scores above one labelled false; a tie counts half.

    Args:
        score: (n,) finite numbers.
        label: (n,) truth values. With one class only the result is undefined.
        seed: of the resampling.

    Raises:
        InputError: a score is not finite, or there are not as many labels as scores.
    """
    s, truth = _checked(score, label)
    if truth.all() or not truth.any():
        return Measured(None, None, None, len(s))
    value, drawn = _aurocs([s], truth, seed)
    return _measured(value[0], drawn[0], len(s))


def auroc_difference(one: ArrayLike, other: ArrayLike, label: ArrayLike, seed: int = 0) -> Measured:
    """AUROC of `one` minus that of `other` on the same rows, -1 to 1; see `auroc`."""
    (a, truth), (b, _) = _checked(one, label), _checked(other, label)
    if truth.all() or not truth.any():
        return Measured(None, None, None, len(a))
    value, drawn = _aurocs([a, b], truth, seed)
    return _measured(value[0] - value[1], drawn[0] - drawn[1], len(a))


def wilson(k: int, n: int) -> Measured:
    """The share k / n with the interval of Wilson (1927), which stays within 0 and 1 and is honest near both.

    Raises:
        InputError: not 0 <= k <= n.
    """
    if not 0 <= k <= n:
        raise InputError("A share needs 0 <= k <= n", f"{k} of {n}", "Count again.")
    if n == 0:
        return Measured(None, None, None, 0)
    p, z2 = k / n, Z * Z
    middle = (p + z2 / (2 * n)) / (1 + z2 / n)
    half = Z / (1 + z2 / n) * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n))
    return Measured(p, 0.0 if k == 0 else middle - half, 1.0 if k == n else middle + half, n)


def ratio(above: ArrayLike, below: ArrayLike, seed: int = 0) -> Measured:
    """sum(above) / sum(below), resampled over their (n,) pairs: bits of two models on the same documents.

    Raises:
        InputError: they differ in number, one is not finite, or `below` is not above 0.
    """
    a, b = (np.asarray(values, dtype=np.float64) for values in (above, below))
    if a.shape != b.shape or a.ndim != 1 or not (np.isfinite(a).all() and np.isfinite(b).all() and (b > 0).all()):
        raise InputError("A ratio needs finite pairs above 0", f"{a.shape} over {b.shape}", "Measure both alike.")
    if len(a) == 0:
        return Measured(None, None, None, 0)
    if len(a) == 1:
        return Measured(float(a[0] / b[0]), None, None, 1)
    count = _counts(DRAWS, len(a), np.random.default_rng(seed))
    return _measured(float(a.sum() / b.sum()), (count @ a) / (count @ b), len(a))


def spread(figures: Sequence[Measured]) -> Spread:
    """Mean and range over checkpoints; those where the figure is undefined are left out, and `n` tells."""
    values = [figure.value for figure in figures if figure.value is not None]
    if not values:
        return Spread(None, None, None, 0)
    return Spread(math.fsum(values) / len(values), min(values), max(values), len(values))


def _checked(score: ArrayLike, label: ArrayLike) -> tuple[Floats, NDArray[np.bool_]]:
    s, truth = np.asarray(score, dtype=np.float64), np.asarray(label, dtype=bool)
    if s.ndim != 1 or s.shape != truth.shape:
        raise InputError("Scores and labels must pair up", f"{s.shape} and {truth.shape}", "Give one of each a row.")
    if not np.isfinite(s).all():
        seen = f"{int((~np.isfinite(s)).sum())} of {len(s)}"
        raise InputError("A score is not a finite number", seen, "Leave out rows without a score, and say so.")
    return s, truth


def _aurocs(scores: Sequence[Floats], truth: NDArray[np.bool_], seed: int) -> tuple[Floats, Floats]:
    """AUROC of each score, (scores,), and of each score and draw, (scores, DRAWS); all see the same draws."""
    sides, random = [int(truth.sum()), int((~truth).sum())], np.random.default_rng(seed)
    once = [np.ones((1, n), dtype=np.int64) for n in sides]
    values = np.array([_auroc(score, truth, *once)[0] for score in scores])
    pieces, step = [], max(1, CELLS // len(truth))
    for start in range(0, DRAWS, step):
        drawn = [_counts(min(step, DRAWS - start), n, random) for n in sides]
        pieces.append([_auroc(score, truth, *drawn) for score in scores])
    return values, np.concatenate(pieces, axis=1)


def _auroc(score: Floats, truth: NDArray[np.bool_], positives: Counts, negatives: Counts) -> Floats:
    """AUROC of each draw, (draws,); a draw says how often each positive (draws, P) and negative (draws, N) is in it."""
    order = np.argsort(score[~truth], kind="stable")
    ranked = score[~truth][order]
    below = np.zeros((len(negatives), len(ranked) + 1), dtype=np.int64)  # negatives below each place, of each draw
    np.cumsum(negatives[:, order], axis=1, out=below[:, 1:])
    left, right = (np.searchsorted(ranked, score[truth], side=side) for side in ("left", "right"))
    twice = (positives * (below[:, left] + below[:, right])).sum(axis=1)  # a tie is in one of the two, so counts half
    return twice / (2.0 * positives.sum(axis=1) * negatives.sum(axis=1))  # type: ignore[no-any-return]


def _counts(draws: int, n: int, random: np.random.Generator) -> Counts:
    """(draws, n): how often each of n rows is drawn when n are drawn with replacement."""
    drawn = random.integers(0, n, (draws, n)) + n * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n)


def _measured(value: float, drawn: Floats, n: int) -> Measured:
    low, high = np.percentile(drawn, TAILS)
    return Measured(float(value), float(low), float(high), n)
