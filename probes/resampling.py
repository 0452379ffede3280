"""A mean, and how sure it is: rows that hang together are put into groups, and whole groups are drawn again and again.

Neighbouring bytes of a text, or all occurrences of one letter, are no independent witnesses; pieces of a text nearly
are (block bootstrap, Kunsch 1989). The interval says how the mean would move if other groups had been met: 95 %, from
2 000 draws of as many groups with replacement. Few groups hold the truth less often than that; so the ends are taken
further out, as Student's t is further out than the normal distribution (the expanded percentile interval of Hesterberg
2015), and with fewer than five there is none. Of groups of different sizes it is the effective number that counts. The
probability of a mean by chance is Student's, as 2 000 draws cannot tell one in a million. This module knows nothing of
models.
"""

import math
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from probes.metrics import DRAWS, FEWEST, Measured, tail
from tilelli.errors import InputError

SEGMENT = 32  # bytes of a piece of a text ...
MOST_SEGMENTS = 400  # ... unless it is so long that there were more
STRETCHES = 16  # pieces where their number is given and not their length
Floats = NDArray[np.float64]


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


class Paired(NamedTuple):
    """How much a figure changed, and how surely it changed at all.

    Attributes:
        change: mean of after less before, with its interval; `n` counts pieces.
        p: two-sided; None with too few pieces.
    """

    change: Measured
    p: float | None


def means(values: NDArray[Any], group: NDArray[np.integer], seed: int = 0) -> Means:
    """The mean of every column of `values` (n, M), whose rows belong to `group` (n,).

    A NaN is no row of its column. With fewer than `FEWEST` effective groups a column has no interval; pieces that
    differ by a byte count as equal.

    Raises:
        InputError: the seed is below 0.
    """
    if seed < 0:
        raise InputError("There is no such seed", str(seed), "Use 0 or more.")
    names, place = np.unique(group, return_inverse=True)
    G, there = len(names), ~np.isnan(values)
    count, total = np.zeros((G, values.shape[1])), np.zeros((G, values.shape[1]))
    np.add.at(count, place, there)
    np.add.at(total, place, np.where(there, values, 0))
    rows = count.sum(axis=0)
    value, groups = _divide(total.sum(axis=0), rows), _divide(rows**2, (count**2).sum(axis=0))
    enough = np.nan_to_num(groups) > FEWEST - 0.5
    ends = _interval(total, count, value, groups, seed) if enough.any() else np.full((2, len(value)), np.nan)
    low, high = np.where(enough, ends, np.nan)
    spread = (np.where(count > 0, total - count * value, 0) ** 2).sum(axis=0) * G / max(G - 1, 1)
    p = np.where(enough, _by_chance(value, _divide(np.sqrt(spread), rows), groups - 1), np.nan)
    return Means(value, low, high, p, groups)


def paired(before: Floats, after: Floats, seed: int = 0) -> Paired:
    """The mean change (T,) -> (T,) of something measured at every byte, twice; both see the same pieces drawn."""
    T, difference = len(before), after - before
    piece = pieces(T, max(SEGMENT, math.ceil(T / MOST_SEGMENTS)))
    found, n = means(np.stack((difference, -difference), axis=1), piece, seed), len(set(piece.tolist()))
    value, low, high = (
        None if math.isnan(part[0]) else float(part[0]) for part in (found.value, found.low, found.high)
    )
    p = None if low is None else min(1.0, 2 * float(found.p.min()))
    return Paired(Measured(value, low, high, n), p)


def pieces(T: int, length: int) -> NDArray[np.int64]:
    """(T,): which piece each byte lies in, of as many contiguous ones, of `length` bytes or a few more, as there are.

    Sizes differ by one at most; what is shorter than `length` is one piece.
    """
    return stretches(T, max(1, T // length))


def too_few(T: int) -> str:
    """Why `paired` gives no interval for a text of T bytes, as the end of a sentence."""
    n = max(1, T // SEGMENT)
    have = f"{T} byte makes {n}" if T == 1 else f"{T} bytes make {n}"
    return f"{have} of the {FEWEST} pieces of {SEGMENT} bytes that it takes"


def stretches(T: int, count: int = STRETCHES) -> NDArray[np.int64]:
    """(T,): which of `count` contiguous pieces of a text each byte lies in; their sizes differ by one at most."""
    return np.arange(T) * count // max(T, 1)


def average(values: NDArray[Any], axis: int = -1) -> Floats:
    """Mean over an axis of what is not NaN; NaN where nothing is."""
    there = ~np.isnan(values)
    return _divide(np.where(there, values, 0).sum(axis=axis, dtype=np.float64), there.sum(axis=axis, dtype=np.float64))


def _interval(total: Floats, count: Floats, value: Floats, groups: Floats, seed: int) -> Floats:
    """(2, M): both ends, from groups drawn anew; all columns see the same draws."""
    G = len(total)
    drawn = np.random.default_rng(seed).multinomial(G, np.full(G, 1 / G), DRAWS).astype(np.float64)  # (DRAWS, G)
    rows = drawn @ count
    means = np.divide(drawn @ total, rows, out=np.tile(value, (DRAWS, 1)), where=rows > 0)  # (DRAWS, M)
    effective = np.maximum(np.nan_to_num(groups), FEWEST - 0.5)
    first = np.floor(tail(effective) * DRAWS).astype(int)
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
