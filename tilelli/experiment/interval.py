"""How much worse is one arm than another, and how sure is that?

Runs of the same seed are pairs, and both are judged on the same documents, so that what is easy or hard for both
cancels. Two things remain uncertain: another set of documents would give another difference, and so would other seeds.
Documents are many and are resampled with replacement (Efron 1979). Seeds are few: where they matter most, resampling
three of them covers the truth 75 times in 100, not 95. So their part is drawn from Student's t, with the spread seen
among the pairs.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tilelli.errors import InputError

LEVEL = (2.5, 97.5)  # per cent: both ends of a 95 % interval
SEEDS_A_DRAW = 10  # draws of the seeds for each of the documents: the tails of t are thin on points


@dataclass(frozen=True)
class Difference:
    """Bits of one arm over those of another, less one, in percent: below zero the first is better.

    Attributes:
        mean: over the pairs.
        low, high: the 95 % interval; with a single pair it covers the choice of documents only.
        each: the difference of every pair.
    """

    mean: float
    low: float
    high: float
    each: tuple[float, ...]

    @property
    def documents_only(self) -> bool:
        return len(self.each) == 1


def paired_difference(
    first: NDArray[np.float64], second: NDArray[np.float64], draws: int = 2000, seed: int = 0
) -> Difference:
    """Compare two arms, pair by pair.

    Args:
        first, second: bits (seeds, documents), the same seeds and documents in the same order. Bytes are not needed:
            both arms are judged on the same ones, which cancel.
        draws: resamples of the documents.
        seed: of the resampling.

    Raises:
        InputError: the two are not of one shape, or hold nothing.
    """
    if first.shape != second.shape or first.ndim != 2 or not first.size:
        seen = f"{first.shape} and {second.shape}"
        raise InputError("Only pairs of runs on the same documents can be compared", seen, "Give equal shapes.")
    S, N = first.shape
    random = np.random.default_rng(seed)
    each = 100 * (first.sum(axis=1) / second.sum(axis=1) - 1)  # (S,)
    means = np.empty(draws)
    for draw in range(draws):
        times = np.bincount(random.integers(N, size=N), minlength=N).astype(np.float64)  # how often each document
        means[draw] = 100 * ((first @ times) / (second @ times) - 1).mean()
    if S > 1:
        noise = random.standard_t(S - 1, size=(draws, SEEDS_A_DRAW)) * each.std(ddof=1) / math.sqrt(S)
        means = (means[:, None] + noise).ravel()
    low, high = np.percentile(means, LEVEL)
    return Difference(float(each.mean()), float(low), float(high), tuple(each.tolist()))
