"""Which heads do the same thing? Two heads are as alike as the attention they spend on the same bytes.

At every byte the overlap of two heads is the sum, over earlier bytes, of the smaller of their two shares: 1 where they
look alike, 0 where they look at different bytes (1 less the total variation distance). Bytes that had nothing to leave
out are not counted, for there heads agree without having chosen. Intervals are 95 %, from pieces of the text drawn
again.
"""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from probes.attention import dense
from probes.resampling import means, stretches

if TYPE_CHECKING:
    from tilelli.trace import Trace

SAME = 0.8  # overlap from which two heads are called near-duplicates, if the interval's lower end reaches it ...
BEYOND = 0.2  # and it is so much above chance: two heads that look everywhere overlap without having anything in common
CELLS = 40_000_000  # shares compared at most; beyond, not every byte is looked at
MOST = 64  # heads compared
SHOWN = 10  # closest pairs that get an interval


@dataclass(frozen=True, eq=False)
class Alike:
    """How alike N heads are.

    Attributes:
        heads: (N, 2) block and head of each, counted from 0.
        overlap: (N, N) mean overlap, 0 to 1, with 1 on the diagonal; NaN if no byte could be compared.
        pairs: the closest ones: `block`, `head`, `other_block`, `other_head` (all counted from 1), `overlap`, `low`,
            `high`, `chance` (the overlap if one of the two spread its shares over other bytes, drawn at random), and
            `same`: whether they are near-duplicates. The closest first.
        queries: how many bytes were compared.
        left_out: heads that were not compared, as there are too many.
    """

    heads: NDArray[np.int64]
    overlap: NDArray[np.float64]
    pairs: pd.DataFrame
    queries: int
    left_out: int

    def table(self) -> pd.DataFrame:
        """One row a pair of heads, the closest first."""
        one, other = np.triu_indices(len(self.heads), 1)
        return (
            _named(self.heads, one, other)
            .assign(overlap=self.overlap[one, other])
            .sort_values("overlap", ascending=False, kind="stable", ignore_index=True)
        )

    @property
    def findings(self) -> tuple[str, ...]:
        """A sentence for every pair of near-duplicates; if there is none, one on the closest; if there is no interval,
        that."""
        if not len(self.pairs) or np.isnan(self.overlap).any():
            return ()
        same = self.pairs[self.pairs["same"]]
        if len(same):
            return tuple(f"B{_pair(row)[1:]} do nearly the same: {_overlap(row)}." for _, row in same.iterrows())
        row = self.pairs.iloc[0]
        if np.isnan(row["low"]):
            return ("The text is too short to tell which heads do the same.",)
        return (f"No two heads are near-duplicates. The closest are {_pair(row)}: {_overlap(row)}.",)


def alike(trace: "Trace") -> Alike:
    """Compare all heads of a trace, pair by pair, in all blocks at once; the first text alone."""
    keys, weights = trace.kept_keys[:, 0].numpy(), trace.kept_weights[:, 0].numpy()  # (L, H, T, K)
    L, H, T, K = keys.shape
    every = np.stack(np.divmod(np.arange(L * H), H), axis=1)[:MOST]
    N = len(every)
    asked = np.arange(K if K < T else 1, T)
    asked = asked[:: 1 + len(asked) * N * N * T // 2 // CELLS]
    heads = every[:, :1], every[:, 1:], asked
    spread = dense(keys[heads], weights[heads], T)  # (N, Q, T)
    overlap = np.ones((N, N))
    for number in range(N - 1):
        smaller = np.minimum(spread[number], spread[number + 1 :]).sum(axis=-1)  # (N - number - 1, Q)
        overlap[number, number + 1 :] = smaller.mean(axis=-1) if len(asked) else np.nan
    overlap = np.minimum(overlap, overlap.T)  # NaN on either side wins
    return Alike(every, overlap, _closest(every, overlap, spread, asked), len(asked), L * H - N)


def _closest(
    every: NDArray[np.int64], overlap: NDArray[np.float64], spread: NDArray[np.float32], asked: NDArray[np.int64]
) -> pd.DataFrame:
    """The pairs with the largest overlap, and how sure it is; `spread` is (N, Q, T), at the Q bytes `asked`."""
    one, other = np.triu_indices(len(every), 1)
    order = np.argsort(-overlap[one, other], kind="stable")[:SHOWN]
    one, other = one[order], other[order]
    elsewhere, values = shuffled(asked, spread.shape[-1]), np.zeros((2, len(asked), len(one)))
    for pair, (a, b) in enumerate(zip(one, other, strict=True)):
        values[0, :, pair] = np.minimum(spread[a], spread[b]).sum(axis=-1)
        values[1, :, pair] = np.minimum(spread[a], np.take_along_axis(spread[b], elsewhere, axis=-1)).sum(axis=-1)
    group = stretches(spread.shape[-1])[asked]
    found, beyond = means(values[0], group), means(values[0] - values[1], group)
    frame = _named(every, one, other).assign(overlap=overlap[one, other], low=found.low, high=found.high)
    return frame.assign(chance=found.value - beyond.value, same=(found.low >= SAME) & (beyond.low >= BEYOND))


def shuffled(asked: NDArray[np.int64], T: int) -> NDArray[np.int64]:
    """(Q, T): for each byte `asked`, the bytes up to it in random order; later ones stay after them."""
    lots = np.random.default_rng(0).random((len(asked), T))
    return (lots + (np.arange(T) > asked[:, None])).argsort(axis=-1)


def _named(every: NDArray[np.int64], one: NDArray[np.int64], other: NDArray[np.int64]) -> pd.DataFrame:
    """A row a pair: which two heads, counted from 1."""
    both = np.concatenate((every[one], every[other]), axis=1) + 1
    return pd.DataFrame(both, columns=["block", "head", "other_block", "other_head"])


def _pair(row: "pd.Series[Any]") -> str:
    return f"block {row['block']}, head {row['head']} and block {row['other_block']}, head {row['other_head']}"


def _overlap(row: "pd.Series[Any]") -> str:
    interval = f"95 % interval {100 * row['low']:.0f} to {100 * row['high']:.0f}"
    sure = f"({interval}, by chance {100 * row['chance']:.0f})"
    return f"{100 * row['overlap']:.0f} % of their attention is on the same bytes {sure}"
