"""AUROC: the probability that a row of one class scores above a row of the other.

Intervals come from resampling rows within each class; all scores see the same resampled rows, so that in a difference
what they share cancels. With at least 30 rows a class and AUROC up to 0.9 they hold the truth 94 to 97 times in 100;
at 0.97 and 30 a class only 90 times. Of a perfect score resampling tells nothing; there the end is that of `perfect`.
Rows that hang together are drawn together, whatever their class.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike

from probes.metrics.draws import FEWEST, figure, resampled, together
from probes.metrics.figure import Counts, Floats, Measured, Truth, Z, grouped, one_class, paired, undefined
from probes.metrics.placements import Placements, by_chance, error, perfect, placements


@dataclass(frozen=True, eq=False)
class Ranking:
    """Many scores on the same rows.

    Attributes:
        figures: AUROC of each score, by name.
        drawn: by name, AUROC in each draw (DRAWS,); empty where the AUROC is undefined, as are the placements.
        placed: by name, where each row stands.
        groups: of rows that hang together, as many as the rarer class is found in; None where rows are independent.
    """

    figures: Mapping[str, Measured]
    drawn: Mapping[str, Floats]
    placed: Mapping[str, Placements]
    groups: int | None = None

    def difference(self, one: str, other: str) -> Measured:
        """AUROC of `one` minus that of `other`, -1 to 1, by name; interval from the draws."""
        first, second = self.figures[one], self.figures[other]
        if first.value is None or second.value is None:
            return undefined(first.n)
        if first.value in (0, 1) and second.value in (0, 1):
            return _apart(first, second)
        drawn, fewest = self.drawn[one] - self.drawn[other], self.groups or min(map(len, self.placed[one]))
        return figure(first.value - second.value, drawn, first.n, fewest)

    def p(self, one: str, other: str) -> float | None:
        """Two-sided probability of such a difference by chance (DeLong et al. 1988); None where it has no interval.

        Where rows hang together it comes from the interval.
        """
        found = self.difference(one, other)
        if found.value is None or found.low is None or found.high is None:
            return None
        wrong = error(self.placed[one], self.placed[other]) if self.groups is None else 0.0
        return by_chance(found.value, wrong or (found.high - found.low) / (2 * Z))

    def best(self, names: Sequence[str]) -> str | None:
        """Which of some scores has the highest AUROC; None where all are undefined, the first of equals."""
        values = {name: figure.value for name, figure in self.figures.items() if figure.value is not None}
        return max((name for name in names if name in values), key=values.__getitem__, default=None)


def aurocs(scores: Mapping[str, ArrayLike], label: ArrayLike, seed: int = 0, group: ArrayLike | None = None) -> Ranking:
    """AUROC of many scores at once, all on the same draws; see `auroc`.

    Args:
        scores: by name, (n,) finite numbers.
        label: (n,) truth values. With one class only every figure is undefined.
        seed: of the resampling.
        group: (n,) which rows hang together; None where each stands for itself.
    """
    checked = {name: paired(score, label) for name, score in scores.items()}
    if not checked:
        return Ranking({}, {}, {})
    truth = next(iter(checked.values()))[1]
    if one_class(truth):
        return Ranking({name: undefined(len(truth)) for name in checked}, {}, {})
    values = {name: score for name, (score, _) in checked.items()}
    placed = {name: placements(score, truth) for name, score in values.items()}
    place = None if group is None else grouped(group, len(truth))
    drawn = dict(zip(values, _drawn(list(values.values()), truth, seed, place), strict=True))
    groups = None if place is None else min(len(np.unique(place[truth == label])) for label in (True, False))
    return Ranking({name: _figure(placed[name], drawn[name], groups) for name in values}, drawn, placed, groups)


def auroc(score: ArrayLike, label: ArrayLike, seed: int = 0) -> Measured:
    """Probability, 0 to 1, that a row labelled true scores above one labelled false; a tie counts half.

    Args:
        score: (n,) finite numbers.
        label: (n,) truth values. With one class only the result is undefined; with fewer than five of either it has
            no interval.
        seed: of the resampling.

    Raises:
        InputError: a score is not finite, a label no truth value, or there are not as many labels as scores.
    """
    return aurocs({"": score}, label, seed).figures[""]


def auroc_difference(one: ArrayLike, other: ArrayLike, label: ArrayLike, seed: int = 0) -> Measured:
    """AUROC of `one` minus that of `other` on the same rows, -1 to 1; see `Ranking.difference`."""
    return aurocs({"one": one, "other": other}, label, seed).difference("one", "other")


def _figure(placed: Placements, drawn: Floats, groups: int | None) -> Measured:
    sizes = [len(part) for part in placed]
    fewest = min(sizes) if groups is None else groups
    found = figure(placed.positive.mean(), drawn, sum(sizes), fewest)
    if fewest < FEWEST or found.value not in (0, 1):
        return found
    least = perfect(*sizes) if groups is None else perfect(groups, groups)
    return replace(found, low=least) if found.value == 1 else replace(found, high=1 - least)


def _apart(one: Measured, other: Measured) -> Measured:
    """The difference of two figures whose draws never vary, from their own intervals (Zou and Donner 2008)."""
    a, b = one, other
    assert a.value is not None
    assert b.value is not None
    value = a.value - b.value
    if a.low is None or a.high is None or b.low is None or b.high is None:
        return Measured(value, None, None, one.n)
    low, high = np.hypot(a.value - a.low, b.high - b.value), np.hypot(a.high - a.value, b.value - b.low)
    return Measured(value, float(value - low), float(value + high), one.n)


def _drawn(scores: Sequence[Floats], truth: Truth, seed: int, group: Counts | None) -> Floats:
    """(scores, DRAWS): AUROC of each score and draw; all see the same draws; those without a class are left out."""
    pieces = [
        [_auroc(score, truth, positives, negatives) for score in scores]
        for positives, negatives in _classes(truth, seed, group)
    ]
    return np.concatenate(pieces, axis=1)


def _classes(truth: Truth, seed: int, group: Counts | None) -> Iterator[list[Counts]]:
    """How often each positive and each negative is drawn, a few draws at a time."""
    if group is None:
        yield from resampled([int(truth.sum()), int((~truth).sum())], seed)
        return
    for drawn in together(group, seed):
        both = (drawn[:, truth].sum(axis=1) > 0) & (drawn[:, ~truth].sum(axis=1) > 0)
        yield [drawn[both][:, truth], drawn[both][:, ~truth]]


def _auroc(score: Floats, truth: Truth, positives: Counts, negatives: Counts) -> Floats:
    """AUROC of each draw, (draws,); a draw says how often each positive (draws, P) and negative (draws, N) is in it."""
    order = np.argsort(score[~truth], kind="stable")
    ranked = score[~truth][order]
    below = np.zeros((len(negatives), len(ranked) + 1), dtype=np.int64)  # negatives below each place, of each draw
    np.cumsum(negatives[:, order], axis=1, out=below[:, 1:])
    left, right = (np.searchsorted(ranked, score[truth], side=side) for side in ("left", "right"))
    twice = (positives * (below[:, left] + below[:, right])).sum(axis=1)  # a tie is in one of the two, so counts half
    return twice / (2.0 * positives.sum(axis=1) * negatives.sum(axis=1))  # type: ignore[no-any-return]
