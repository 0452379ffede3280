"""A figure with its uncertainty, and what every measure asks of its input.

Intervals are 95 %. Where a figure makes no sense, as an AUROC with one class, it is None and never a number in the
middle. This module knows no measure.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tilelli.errors import InputError

Z = 1.959963984540054  # 97.5 % of a normal distribution lie below
POWER = 0.8416212335729143  # and 80 % below this
Floats = NDArray[np.float64]
Counts = NDArray[np.int64]
Truth = NDArray[np.bool_]


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
class Holds:
    """A figure about which more is known; `value`, `low`, `high` and `n` are the figure's."""

    figure: Measured

    @property
    def value(self) -> float | None:
        return self.figure.value

    @property
    def low(self) -> float | None:
        return self.figure.low

    @property
    def high(self) -> float | None:
        return self.figure.high

    @property
    def n(self) -> int:
        return self.figure.n


@dataclass(frozen=True)
class Tested(Holds):
    """A figure that was held against chance; `p` is the probability of one as extreme, None where undefined."""

    p: float | None


@dataclass(frozen=True)
class Spread:
    """A figure over several checkpoints: mean, lowest, highest, and how many had it."""

    mean: float | None
    lowest: float | None
    highest: float | None
    n: int


def spread(figures: Sequence[Measured]) -> Spread:
    """Mean and range over checkpoints; those where the figure is undefined are left out, and `n` tells."""
    values = [figure.value for figure in figures if figure.value is not None]
    if not values:
        return Spread(None, None, None, 0)
    return Spread(math.fsum(values) / len(values), min(values), max(values), len(values))


def undefined(n: int) -> Measured:
    """What `n` rows cannot tell."""
    return Measured(None, None, None, n)


def paired(score: ArrayLike, label: ArrayLike) -> tuple[Floats, Truth]:
    """Scores (n,) and truth values (n,).

    Raises:
        InputError: a score is not finite, a label neither true nor false, or there are not as many of one as of both.
    """
    s, given = np.asarray(score, dtype=np.float64), np.asarray(label)
    if s.ndim != 1 or s.shape != given.shape:
        raise InputError("Scores and labels must pair up", f"{s.shape} and {given.shape}", "Give one of each a row.")
    if not np.isfinite(s).all():
        seen = f"{int((~np.isfinite(s)).sum())} of {len(s)}"
        raise InputError("A score is not a finite number", seen, "Leave out rows without a score, and say so.")
    odd = given[~np.isin(given, (0, 1))]
    if (given.dtype.kind not in "biuf" and len(given)) or len(odd):
        seen = repr(odd.tolist()[0]) if len(odd) else f"labels of type {given.dtype}"
        raise InputError("A label is neither true nor false", seen, "Give True or False a row.")
    return s, given.astype(bool)


def probabilities(confidence: ArrayLike, correct: ArrayLike) -> tuple[Floats, Truth]:
    """The same for confidences that are probabilities; one outside 0 to 1 raises and is never left out of a bin."""
    c, truth = paired(confidence, correct)
    outside = c[(c < 0) | (c > 1)]
    if len(outside):
        seen = f"{len(outside)} of {len(c)}, the first is {outside[0]:g}"
        raise InputError("A confidence is no probability", seen, "Calibrate the signal first, or rank by it only.")
    return c, truth


def grouped(group: ArrayLike, n: int) -> Counts:
    """Which rows hang together, as (n,) numbers from 0.

    Raises:
        InputError: there are not as many as rows.
    """
    names = np.asarray(group)
    if names.shape != (n,):
        raise InputError("Every row needs a group", f"{names.shape} for {n} rows", "Give one a row.")
    return np.unique(names, return_inverse=True)[1].astype(np.int64)


def one_class(truth: Truth) -> bool:
    """Whether there is nothing to tell apart: all labels are the same, or there are none."""
    return bool(truth.all() or not truth.any())
