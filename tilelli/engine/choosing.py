"""Kernels: which byte comes next, and what is told of it. See `kernels.py`.

They say what `writing.py` says, in its order and in double precision, so that a seed gives the same text whoever
chooses.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tilelli.engine.products import Array


class Rules(NamedTuple):
    """How bytes are chosen; see `tilelli.sampling.Sampling`."""

    temperature: float
    top_k: int
    top_p: float
    end: int  # the byte that ends a text instead of being written; -1 if none does


class Told(NamedTuple):
    """What is told of each of N bytes."""

    probability: Array  # (N,)
    entropy: Array  # (N,)
    others: Array  # (N, A) int64: the likeliest bytes
    chances: Array  # (N, A): how likely they are


def next_byte(logits: Array, rules: Rules, number: Any, told: Told, t: int) -> int:
    """The byte after logits (256,), drawn by a `number` from 0 to 1; tells of it at place `t`. -1 if there is none, for
    a logit is no number."""
    for i in range(len(logits)):
        if not np.isfinite(logits[i]):
            return -1
    own = np.empty(len(logits))
    told.entropy[t] = _soften(logits, 1.0, own)
    _likeliest(own, told.others[t], told.chances[t])
    byte = _first(logits) if rules.temperature == 0 else _drawn(logits, rules, number)
    told.probability[t] = own[byte]
    return byte


def _soften(logits: Array, temperature: Any, p: Array) -> Any:
    """Fills in the probabilities (256,); gives their entropy in bits."""
    largest = np.float64(logits[_first(logits)])
    for i in range(len(p)):
        p[i] = math.exp((np.float64(logits[i]) - largest) / temperature)
    total, moment = 0.0, 0.0
    for i in range(len(p)):
        total += p[i]
        moment += p[i] * (np.float64(logits[i]) - largest)
    for i in range(len(p)):
        p[i] /= total
    return (math.log(total) - moment / total) / math.log(2)


def _first(logits: Array) -> int:
    """Where the largest stands, the first of equals."""
    best = 0
    for i in range(1, len(logits)):
        if logits[i] > logits[best]:
            best = i
    return best


def _likeliest(p: Array, others: Array, chances: Array) -> None:
    """The likeliest bytes, of equals the first first."""
    kept, most = 0, len(others)
    for i in range(len(p)):
        if kept == most and p[i] <= chances[kept - 1]:
            continue
        place = min(kept, most - 1)
        while place > 0 and p[i] > chances[place - 1]:
            others[place], chances[place] = others[place - 1], chances[place - 1]
            place -= 1
        others[place], chances[place] = i, p[i]
        kept = min(kept + 1, most)


def _drawn(logits: Array, rules: Rules, number: Any) -> int:
    """By the number, from the distribution that is left after temperature, top-k and top-p."""
    p = np.empty(len(logits))
    _soften(logits, rules.temperature, p)
    if 0 < rules.top_k < len(p) or rules.top_p < 1:
        _cut(p, rules)
    total = 0.0
    for i in range(len(p)):
        total += p[i]
    reached, last = 0.0, 0
    for i in range(len(p)):
        reached += p[i]
        if reached / total > number:
            return i
        last = i if p[i] > 0 else last
    return last


def _cut(p: Array, rules: Rules) -> None:
    """Zeros for what is not among the likeliest."""
    order = np.argsort(-p, kind="mergesort")
    if 0 < rules.top_k < len(p):
        kept = 0.0
        for i in range(len(p)):
            p[order[i]] = p[order[i]] if i < rules.top_k else 0.0
            kept += p[order[i]]
        p /= kept
    before = 0.0
    for i in range(len(p) if rules.top_p < 1 else 0):
        own = p[order[i]]
        if before >= rules.top_p and before > 0:
            p[order[i]] = 0.0
        before += own
