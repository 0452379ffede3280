"""Which earlier bytes does each byte look at, in one head? Read off a trace, nothing is run again.

Every query byte of every head keeps at most K keys, itself among the candidates, and shares its attention out over
them; the shares add up to 1. A place that no key fills has weight 0 and is left out everywhere here. Vanilla models
keep all keys, so for them K is the length of the text. All heads at once: `heads`, `roles`, `alike`. This module knows
nothing of models, and of no screen.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from tilelli.errors import InputError

if TYPE_CHECKING:
    from tilelli.trace import Trace

Floats = NDArray[np.float32] | NDArray[np.float64]
Ints = NDArray[np.int64]
LARGEST_GRID = 256  # more cells than that squared stop a browser


@dataclass(frozen=True)
class KeptSet:
    """What one query byte looks at.

    Attributes:
        block, head: which head, counted from 0.
        query: position of the byte that looks.
        positions: (n,) positions of its kept keys, heaviest first; the query itself may be among them.
        weights: (n,) their attention, each above 0; they add up to 1.
    """

    block: int
    head: int
    query: int
    positions: Ints
    weights: Floats

    def table(self) -> pd.DataFrame:
        """One row a kept key: `query`, `key`, `distance` in bytes, `attention`."""
        distance = self.query - self.positions
        return pd.DataFrame(
            {"query": self.query, "key": self.positions, "distance": distance, "attention": self.weights}
        )


@dataclass(frozen=True)
class Grid:
    """One head, queries against keys: the bytes from `first` on.

    Attributes:
        block, head: which head, counted from 0.
        first: position of the first byte shown, both as a query and as a key.
        weights: (n, n) float32, row = query, column = key; NaN where the key was not kept.
    """

    block: int
    head: int
    first: int
    weights: NDArray[np.float32]

    def table(self) -> pd.DataFrame:
        """One row a kept key: `query`, `key`, `attention`."""
        query, key = np.nonzero(~np.isnan(self.weights))
        return pd.DataFrame(
            {"query": query + self.first, "key": key + self.first, "attention": self.weights[query, key]}
        )


@dataclass(frozen=True)
class Reach:
    """How far back a head looks.

    Attributes:
        block, head: which head, counted from 0.
        keys: (T,) share of the kept keys that lie 0, 1, 2, ... bytes back; every key counts the same.
        attention: (T,) share of the attention at each distance; a key counts as much as it weighs.
    """

    block: int
    head: int
    keys: Floats
    attention: Floats

    @property
    def mean(self) -> float:
        """Mean distance in bytes, weighted by attention."""
        return float(self.attention @ np.arange(len(self.attention)))

    def table(self) -> pd.DataFrame:
        """One row a bin of distances, each twice as wide as the one before: 0, 1, 2-3, 4-7, 8-15, ...

        Columns: `from` and `to`, both included, and the shares `keys` and `attention`.
        """
        starts = [0, *(2**n for n in range((len(self.keys) - 1).bit_length()))]
        ends = [*(start - 1 for start in starts[1:]), len(self.keys) - 1]
        keys, attention = (np.add.reduceat(shares, starts) for shares in (self.keys, self.attention))
        return pd.DataFrame({"from": starts, "to": ends, "keys": keys, "attention": attention})


def dense(keys: Ints, weights: Floats, T: int) -> NDArray[np.float32]:
    """Kept keys and weights, both (..., K), as attention on each of T bytes, (..., T): 0 where a key was not kept."""
    spread = np.zeros((*keys.shape[:-1], T), dtype=np.float32)
    *query, place = np.nonzero(weights > 0)
    spread[(*query, keys[(*query, place)])] = weights[(*query, place)]
    return spread


def kept_set(trace: "Trace", block: int, head: int, query: int, text: int = 0) -> KeptSet:
    """The keys that byte `query` of text number `text` kept in one head; all are counted from 0, as in the trace.

    Raises:
        InputError: there is no such block, head, byte or text.
    """
    keys, weights = _head(trace, block, head, text)
    _check("byte", query, len(keys))
    kept = weights[query] > 0
    return KeptSet(block, head, query, keys[query][kept], weights[query][kept])


def grid(trace: "Trace", block: int, head: int, last: int | None = None, text: int = 0) -> Grid:
    """One head as a square of queries against keys, at most `LARGEST_GRID` bytes a side.

    A longer text is cut to the bytes that end with `last`; None means the end of the text.

    Raises:
        InputError: there is no such block, head, byte or text.
    """
    keys, weights = _head(trace, block, head, text)
    T = len(keys)
    last = T - 1 if last is None else last
    _check("byte", last, T)
    first = max(0, last + 1 - LARGEST_GRID)
    end = min(T, first + LARGEST_GRID)
    keys, weights = keys[first:end] - first, weights[first:end]
    square = np.full((end - first, end - first), np.nan, dtype=np.float32)
    row, place = np.nonzero((weights > 0) & (keys >= 0))
    square[row, keys[row, place]] = weights[row, place]
    return Grid(block, head, first, square)


def reach(trace: "Trace", block: int, head: int, text: int = 0) -> Reach:
    """How far back one head looks, over all bytes of a text.

    Raises:
        InputError: there is no such block, head or text, or nothing attends.
    """
    keys, weights = _head(trace, block, head, text)
    T = len(keys)
    distance = (np.arange(T)[:, None] - keys)[weights > 0]
    weights = weights[weights > 0]
    if not len(distance):
        raise InputError("There is no attention to look at", "no sparse pathway", "Choose a checkpoint that has one.")
    counted = np.bincount(distance, minlength=T) / len(distance)
    weighed = np.bincount(distance, weights=weights, minlength=T) / weights.sum()
    return Reach(block, head, counted, weighed)


def _head(trace: "Trace", block: int, head: int, text: int) -> tuple[Ints, Floats]:
    """Keys and weights of one head and text, each (T, K)."""
    L, B, H = trace.kept_keys.shape[:3]
    for what, seen, there in (("block", block, L), ("text", text, B), ("head", head, H)):
        _check(what, seen, there)
    return trace.kept_keys[block, text, head].numpy(), trace.kept_weights[block, text, head].numpy()


def _check(what: str, seen: int, there: int) -> None:
    if not 0 <= seen < there:
        raise InputError(f"There is no such {what}", f"{seen}", f"Use 0 to {there - 1}.")
