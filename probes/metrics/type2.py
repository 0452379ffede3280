"""Meta-d': how much of what the choice was made from does the confidence know? (Maniscalco and Lau 2012)

In a forced choice between two, d' says how well the choices tell the two apart. Meta-d' is the d' of an ideal chooser
whose confidence would tell right from wrong as well as was seen; M-ratio is meta-d' / d': 1 if confidence uses all
that the choice used. Needs hundreds of trials. It may rank models the other way round than the AUROC of confidence,
as that grows with d' too.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from probes.metrics.draws import figure
from probes.metrics.figure import Counts, Floats, Measured, grouped, paired, undefined
from tilelli.errors import InputError

LEVELS = 4  # of confidence
REFITS = 500
ROUNDS, NEAR = 60, 1e-7  # of the climb at most, and where it ends
TINY = 1e-12  # no share is smaller


class TypeTwo(NamedTuple):
    """d', meta-d' and M-ratio; the last two are undefined unless d' is clearly above 0."""

    d: Measured
    meta_d: Measured
    m_ratio: Measured


def type_two(
    confidence: ArrayLike,
    correct: ArrayLike,
    choice: ArrayLike,
    levels: int = LEVELS,
    seed: int = 0,
    group: ArrayLike | None = None,
) -> TypeTwo:
    """By maximum likelihood, with the criterion of the choice kept at its place relative to d'.

    Confidences are cut into levels of about as many trials. Every count is raised by 1 / (2 levels), so that none is
    zero. The intervals come from drawing trials again within each of the two things shown, 500 times.

    Args:
        confidence: (n,) finite numbers, higher is surer.
        correct: (n,) whether the choice was right.
        choice: (n,) which of the two was chosen, 0 or 1. Undefined where only one of them was ever shown or chosen,
            or confidence never varies.
        levels: of confidence, at least 2.
        seed: of the resampling.
        group: (n,) which trials hang together, and are drawn together; None where each stands for itself.

    Raises:
        InputError: see `auroc`; or fewer than two levels.
    """
    (c, truth), (_, chosen) = paired(confidence, correct), paired(confidence, choice)
    if levels < 2:
        raise InputError("Confidence needs two levels at least", str(levels), "Use 4.")
    level = _levels(c, levels)
    K = int(level.max(initial=0)) + 1
    shown = np.where(truth, chosen, ~chosen)
    if K < 2 or shown.all() or not shown.any() or chosen.all() or not chosen.any():
        return TypeTwo(*[undefined(len(c))] * 3)
    place = np.where(chosen, K + level, K - 1 - level)
    G = np.arange(len(c)) if group is None else grouped(group, len(c))
    tables = np.zeros((int(G.max()) + 1, 2, 2 * K), dtype=np.int64)
    np.add.at(tables, (G, shown.astype(int), place), 1)
    return _measured(tables.sum(axis=0), None if group is None else tables, len(c), seed)


def _levels(confidence: Floats, levels: int) -> Counts:
    """(n,): 0 for the least sure; equal confidences share a level, and levels without trials are left out."""
    rank = np.searchsorted(np.sort(confidence), confidence, side="left")
    place: Counts = np.unique(rank * levels // max(len(confidence), 1), return_inverse=True)[1]
    return place


def _measured(table: Counts, groups: Counts | None, n: int, seed: int) -> TypeTwo:
    """From all trials (2, 2K), and those of each group where they hang together (G, 2, 2K)."""
    random = np.random.default_rng(seed)
    if groups is None:
        again = np.stack([random.multinomial(row.sum(), row / row.sum(), REFITS) for row in table], axis=1)
    else:
        G = len(groups)
        again = np.tensordot(random.multinomial(G, np.full(G, 1 / G), REFITS), groups, axes=1)
    found = _fit(np.concatenate([table[None], again]))
    (value, meta_value), draws = found[0], found[1:][np.isfinite(found[1:]).all(axis=1)]
    if not np.isfinite(meta_value):
        return TypeTwo(*[undefined(n)] * 3)
    fewest = int(min(table.sum(axis=1))) if groups is None else len(groups)
    d, meta = figure(value, draws[:, 0], n, fewest), figure(meta_value, draws[:, 1], n, fewest)
    if d.low is None or d.low <= 0:
        return TypeTwo(d, undefined(n), undefined(n))
    return TypeTwo(d, meta, figure(meta_value / value, draws[:, 1] / draws[:, 0], n, fewest))


def _fit(tables: Counts) -> Floats:
    """(R, 2): d' and meta-d' of each of R tables (R, 2, 2K) of trials by what was shown and answered.

    The likelihood of the levels given the choice is climbed by Fisher scoring, all tables at once; a step that leads
    down is made shorter. Where d' is 0 meta-d' is NaN, as the criterion has no place relative to it.
    """
    from scipy.special import ndtri

    R, _, double = tables.shape
    counts = tables + 1 / double
    no = counts[:, :, : double // 2].sum(axis=2) / counts.sum(axis=2)
    d, c = ndtri(no[:, 0]) - ndtri(no[:, 1]), ndtri(no).mean(axis=1)
    bias = np.divide(c, d, out=np.zeros(R), where=np.abs(d) > 1e-9)
    place = np.concatenate([d[:, None], np.full((R, double - 2), -0.7)], axis=1)
    height, step, scale = *_climb(place, counts, bias), np.ones(R)
    for _ in range(ROUNDS):
        tried = place + step * scale[:, None]
        new_height, new_step = _climb(tried, counts, bias)
        up = new_height >= height
        place[up], height[up], step[up] = tried[up], new_height[up], new_step[up]
        scale = np.where(up, np.minimum(1, 2 * scale), scale / 4)
        if np.abs(step * scale[:, None]).max() < NEAR:
            break
    return np.stack([d, np.where(np.abs(d) > 1e-9, place[:, 0], np.nan)], axis=1)


def _climb(place: Floats, counts: Floats, bias: Floats) -> tuple[Floats, Floats]:
    """Log likelihood (R,) and the step up from there, (R, 2K - 1), no part of it longer than 1.

    `place` holds meta-d', then the logs of the steps between criteria: K - 1 above the choice's, K - 1 below, outward.
    `bias` is the place of the choice's criterion relative to d'.
    """
    R, K = len(place), counts.shape[2] // 2
    slope = np.zeros((R, 2, 2 * K + 1, 2 * K - 1))  # of each edge of the levels, along each part of the place
    edge = np.concatenate([np.zeros((R, 2, 1)), np.zeros((R, 2, 2 * K - 1)), np.ones((R, 2, 1))], axis=2)
    edge[:, :, 1:-1], slope[:, :, 1:-1] = _edges(place, bias, K)
    cell, cell_slope = np.maximum(np.diff(edge, axis=2), TINY), np.diff(slope, axis=2)
    halves = (R, 2, 2, K)  # of either choice
    side = cell.reshape(halves).sum(axis=3).repeat(K, axis=2)
    side_slope = cell_slope.reshape(*halves, -1).sum(axis=3).repeat(K, axis=2)
    given, many = cell / side, counts.reshape(halves).sum(axis=3).repeat(K, axis=2)
    along = cell_slope / cell[..., None] - side_slope / side[..., None]  # of the log of `given`
    up = (counts[..., None] * along).sum(axis=(1, 2))
    flat = along.reshape(R, 4 * K, -1)
    information = np.swapaxes(flat, 1, 2) @ ((many * given).reshape(R, -1, 1) * flat)
    information += 1e-9 * (1 + np.trace(information, axis1=1, axis2=2))[:, None, None] * np.eye(2 * K - 1)
    step = np.clip(np.linalg.solve(information, up[..., None])[..., 0], -1, 1)
    return (counts * np.log(given)).sum(axis=(1, 2)), step


def _edges(place: Floats, bias: Floats, K: int) -> tuple[Floats, Floats]:
    """Of either thing shown, the share of evidence below each criterion (R, 2, 2K - 1); and how `place` moves it."""
    from scipy.special import ndtr

    steps, meta = np.exp(np.clip(place[:, 1:], -8, 3)), place[:, :1]
    up, down = np.cumsum(steps[:, : K - 1], axis=1), np.cumsum(steps[:, K - 1 :], axis=1)
    criteria = meta * bias[:, None] + np.concatenate([-down[:, ::-1], np.zeros_like(meta), up], axis=1)
    mean = np.array([-0.5, 0.5])[:, None]  # of the evidence, in units of meta-d'
    z = criteria[:, None] - meta[:, None] * mean  # (R, 2, 2K - 1)
    slope = np.zeros((*z.shape, 2 * K - 1))
    slope[..., 0] = bias[:, None, None] - mean
    for step in range(K - 1):
        slope[:, :, K + step :, 1 + step] = steps[:, step, None, None]
        slope[:, :, : K - 1 - step, K + step] = -steps[:, K - 1 + step, None, None]
    density = np.exp(-z * z / 2) / np.sqrt(2 * np.pi)
    return ndtr(z), density[..., None] * slope
