"""How often something happens, and one sum over another."""

import math

import numpy as np
from numpy.typing import ArrayLike

from probes.metrics.draws import figure, resampled
from probes.metrics.figure import Measured, Z, undefined
from tilelli.errors import InputError


def wilson(k: int, n: int) -> Measured:
    """The share k / n with the interval of Wilson (1927), which stays within 0 and 1 and is honest near both.

    Raises:
        InputError: not 0 <= k <= n.
    """
    if not 0 <= k <= n:
        raise InputError("A share needs 0 <= k <= n", f"{k} of {n}", "Count again.")
    if n == 0:
        return undefined(0)
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
        return undefined(0)
    drawn = np.concatenate([(count @ a) / (count @ b) for (count,) in resampled([len(a)], seed)])
    return figure(a.sum() / b.sum(), drawn, len(a), len(a))


def share_difference(one: Measured, other: Measured) -> Measured:
    """One share less another of other rows, both from `wilson`: the hybrid score interval (Newcombe 1998, method 10).

    It has a width even where neither happened at all. For rows in pairs that tend to agree it is wider than it need be.
    """
    n = min(one.n, other.n)
    ends = (one.value, one.low, one.high), (other.value, other.low, other.high)
    if any(end is None for three in ends for end in three):
        return undefined(n)
    (p, p_low, p_high), (q, q_low, q_high) = np.array(ends, dtype=np.float64)
    low, high = p - q - math.hypot(p - p_low, q_high - q), p - q + math.hypot(p_high - p, q - q_low)
    return Measured(float(p - q), float(low), float(high), n)


def ratio_difference(one: tuple[ArrayLike, ArrayLike], other: tuple[ArrayLike, ArrayLike], seed: int = 0) -> Measured:
    """One `ratio` (above, below) less another of other rows; the rows of each are resampled. `n` is the smaller number.

    Raises:
        InputError: as for `ratio`.
    """
    values = ratio(*one).value, ratio(*other).value
    (a, b), (c, d) = ([np.asarray(part, dtype=np.float64) for part in pair] for pair in (one, other))
    fewest = min(len(a), len(c))
    if values[0] is None or values[1] is None:
        return undefined(fewest)
    draws = resampled([len(a), len(c)], seed)
    drawn = np.concatenate([(x @ a) / (x @ b) - (y @ c) / (y @ d) for x, y in draws])
    return figure(values[0] - values[1], drawn, fewest, fewest)
