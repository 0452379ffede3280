"""Means over rows that come in groups of any size, and how sure they are: whole groups are resampled, never rows.

Neighbouring bytes of a text, or all occurrences of one letter, are not independent witnesses. Rows that belong together
go into one group, and the interval says how the mean would move if other groups had been met: 95 %, from 2 000 draws of
as many groups with replacement, its ends taken further out where there are few (Hesterberg 2015, as in `resampling`,
which knows pieces of equal size). The probability of a mean by chance is Student's, as 2 000 draws cannot tell one in a
million. Large groups leave fewer effective ones, and those count. This module knows nothing of models.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from probes.metrics import DRAWS

Floats = NDArray[np.float64]
STRETCHES = 16  # pieces of a text that serve as groups where nothing better suggests itself
FEWEST = 4.0  # effective groups below which there is no interval


@dataclass(frozen=True, eq=False)
class Means:
    """Means of M columns over the same groups; NaN is undefined.

    Attributes:
        value: (M,) the means.
        low, high: (M,) their 95 % intervals.
        p: (M,) one-sided probability of a mean as high if the true one were zero.
        groups: (M,) the effective number of groups: 1 / sum of their squared shares of the rows.
    """

    value: Floats
    low: Floats
    high: Floats
    p: Floats
    groups: Floats


def means(values: NDArray[Any], group: NDArray[np.integer], seed: int = 0) -> Means:
    """The mean of every column of `values` (n, M), whose rows belong to `group` (n,).

    A NaN is no row of its column. With fewer than `FEWEST` effective groups a column has no interval.
    """
    names, place = np.unique(group, return_inverse=True)
    G, there = len(names), ~np.isnan(values)
    count, total = np.zeros((G, values.shape[1])), np.zeros((G, values.shape[1]))
    np.add.at(count, place, there)
    np.add.at(total, place, np.where(there, values, 0))
    rows = count.sum(axis=0)
    value, groups = _divide(total.sum(axis=0), rows), _divide(rows**2, (count**2).sum(axis=0))
    enough = np.nan_to_num(groups) >= FEWEST
    ends = _interval(total, count, value, groups, seed) if enough.any() else np.full((2, len(value)), np.nan)
    low, high = np.where(enough, ends, np.nan)
    spread = (np.where(count > 0, total - count * value, 0) ** 2).sum(axis=0) * G / max(G - 1, 1)
    p = np.where(enough, _by_chance(value, _divide(np.sqrt(spread), rows), groups - 1), np.nan)
    return Means(value, low, high, p, groups)


def average(values: NDArray[Any]) -> Floats:
    """Mean over the last axis of what is not NaN; NaN where nothing is."""
    there = ~np.isnan(values)
    return _divide(np.where(there, values, 0).sum(axis=-1, dtype=np.float64), there.sum(axis=-1, dtype=np.float64))


def stretches(T: int) -> NDArray[np.int64]:
    """(T,): which of `STRETCHES` equally long pieces of a text each byte lies in."""
    return np.arange(T) * STRETCHES // max(T, 1)


def _interval(total: Floats, count: Floats, value: Floats, groups: Floats, seed: int) -> Floats:
    """(2, M): both ends, from groups drawn anew; all columns see the same draws."""
    from scipy.special import ndtr, stdtrit  # type: ignore[import-untyped]

    G = len(total)
    drawn = np.random.default_rng(seed).multinomial(G, np.full(G, 1 / G), DRAWS).astype(np.float64)  # (DRAWS, G)
    rows = drawn @ count
    means = np.divide(drawn @ total, rows, out=np.tile(value, (DRAWS, 1)), where=rows > 0)  # (DRAWS, M)
    effective = np.maximum(np.nan_to_num(groups), FEWEST)
    tail = ndtr(-np.sqrt(effective / (effective - 1)) * stdtrit(effective - 1, 0.975))  # 2.5 % with many groups
    first = np.floor(tail * DRAWS).astype(int)
    ends = np.stack((first, DRAWS - 1 - first))
    return np.take_along_axis(np.sort(means, axis=0), ends, axis=0)


def _by_chance(value: Floats, error: Floats, freedom: Floats) -> Floats:
    """One-sided p of Student's t; where nothing varies it is 0 above zero, and 1 otherwise."""
    from scipy.special import stdtr

    t = np.divide(value, error, out=np.where(value > 0, np.inf, -np.inf), where=error > 0)
    return stdtr(np.maximum(np.nan_to_num(freedom), 1), -t)  # type: ignore[no-any-return]


def _divide(above: Floats, below: Floats) -> Floats:
    """Where `below` is zero the result is NaN."""
    quotient: Floats = np.divide(above, below, out=np.full(np.shape(above), np.nan), where=below > 0)
    return quotient
