"""Rows drawn again and again: how a figure would move had other rows been met.

A draw takes as many rows as there are, with replacement. Few rows hold the truth less often than percentiles of draws
promise; so the ends are taken further out, as Student's t is further out than the normal distribution (the expanded
percentile interval of Hesterberg 2015), and with fewer than five rows of a kind there is no interval. Rows are taken as
independent, unless it is said which of them hang together: then whole groups are drawn. For means of neighbouring bytes
of a text see `probes.resampling`.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from probes.metrics.figure import Counts, Floats, Measured

DRAWS = 2000
CELLS = 1_000_000  # of a table of draws and rows held at a time
FEWEST = 5  # rows of a kind below which there is no interval


def counts(draws: int, n: int, random: np.random.Generator) -> Counts:
    """(draws, n): how often each of n rows is drawn when n are drawn with replacement."""
    drawn = random.integers(0, n, (draws, n)) + n * np.arange(draws)[:, None]
    return np.bincount(drawn.ravel(), minlength=draws * n).reshape(draws, n)


def resampled(sizes: Sequence[int], seed: int) -> Iterator[list[Counts]]:
    """`DRAWS` draws, a few at a time: of each kind, of which there are `sizes` rows, `counts`."""
    random, step = np.random.default_rng(seed), max(1, CELLS // sum(sizes))
    for start in range(0, DRAWS, step):
        yield [counts(min(step, DRAWS - start), n, random) for n in sizes]


def together(group: Counts, seed: int) -> Iterator[Counts]:
    """The same where rows hang together: how often each of n rows is drawn if groups (n,) are, (draws, n) at a time."""
    random, step = np.random.default_rng(seed), max(1, CELLS // len(group))
    names, place = np.unique(group, return_inverse=True)
    for start in range(0, DRAWS, step):
        yield counts(min(step, DRAWS - start), len(names), random)[:, place]


def tail(n: Any) -> Any:
    """Share of the draws beyond either end of the interval with `n` rows, a number or an array: 2.5 % with many."""
    from scipy.special import ndtr, stdtrit

    return ndtr(-np.sqrt(n / (n - 1)) * stdtrit(n - 1, 0.975))


def figure(value: float, drawn: Floats, n: int, fewest: int) -> Measured:
    """A figure of `n` rows with its interval from draws; of the rarest kind there were `fewest`."""
    if fewest < FEWEST:
        return Measured(float(value), None, None, n)
    low, high = np.quantile(drawn, [tail(fewest), 1 - tail(fewest)])
    return Measured(float(value), float(low), float(high), n)


def mean(values: Floats, seed: int) -> Measured:
    """The mean of (n,) values."""
    if not len(values):
        return Measured(None, None, None, 0)
    drawn = np.concatenate([count @ values / len(values) for (count,) in resampled([len(values)], seed)])
    return figure(values.mean(), drawn, len(values), len(values))
