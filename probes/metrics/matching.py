"""AUROC among rows that are alike in something else, such as the length of the prompt.

Long prompts may have no answer more often: a signal that only knows lengths then looks wise. So only pairs of one row
of each class count whose covariate differs by a tenth of its standard deviation at most; every such pair counts, none
is drawn by lot. How well the covariate itself still tells matched pairs apart is told: 0.5 is a perfect match.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from probes.metrics.draws import FEWEST, figure, resampled
from probes.metrics.figure import Floats, Holds, Measured, one_class, paired, undefined

CALIPER = 0.1  # standard deviations of the covariate


@dataclass(frozen=True)
class Matched(Holds):
    """An AUROC over matched pairs; `n` counts rows that have a partner.

    Attributes:
        pairs: share of all pairs of one row of each class that match.
        before, after: AUROC of the covariate itself, over all pairs and over matched ones.
    """

    pairs: float
    before: float | None
    after: float | None


def matched_auroc(
    score: ArrayLike, label: ArrayLike, covariate: ArrayLike, caliper: float = CALIPER, seed: int = 0
) -> Matched:
    """`auroc` over pairs that match in `covariate`, (n,) finite numbers; undefined if none does.

    Rows are resampled within each class. Takes memory for every pair: a few thousand rows of each class at most.

    Raises:
        InputError: see `auroc`.
    """
    (s, truth), (x, _) = paired(score, label), paired(covariate, label)
    if one_class(truth):
        return Matched(undefined(len(s)), 0.0, None, None)
    match = np.abs(x[truth][:, None] - x[~truth]) <= caliper * x.std() + 1e-12  # (P, N)
    before = float(_wins(x[truth], x[~truth]).mean())
    sides = [int(match.any(axis=axis).sum()) for axis in (1, 0)]
    if not match.any():
        return Matched(undefined(0), 0.0, before, None)
    found = _measured(_wins(s[truth], s[~truth]) * match, match.astype(np.float64), sides, seed)
    after = float(_wins(x[truth], x[~truth])[match].mean())
    return Matched(found, float(match.mean()), before, after)


def _measured(wins: Floats, match: Floats, sides: list[int], seed: int) -> Measured:
    value = wins.sum() / match.sum()
    if min(sides) < FEWEST:
        return Measured(float(value), None, None, sum(sides))
    won, met = [], []
    for positives, negatives in resampled(list(match.shape), seed):
        won.append(((positives @ wins) * negatives).sum(axis=1))
        met.append(((positives @ match) * negatives).sum(axis=1))
    above, below = np.concatenate(won), np.concatenate(met)
    return figure(value, above[below > 0] / below[below > 0], sum(sides), min(sides))


def _wins(positive: Floats, negative: Floats) -> Floats:
    """(P, N): 1 where the positive is above, 1/2 for a tie."""
    return (np.sign(positive[:, None] - negative) + 1) / 2
