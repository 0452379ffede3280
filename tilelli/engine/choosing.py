"""Kernels: which byte comes next, and what is told of it. See `kernels.py`.

They say what `writing.py` says, in its order and in double precision, so that a seed gives the same text whoever
chooses.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tilelli.engine.products import Array


class Rules(NamedTuple):
    """How the bytes of each of B texts are chosen; see `tilelli.sampling.Sampling`."""

    temperature: Array  # (B,)
    top_k: Array  # (B,) int64
    top_p: Array  # (B,)
    end: Array  # (B,) int64: the byte that ends a text instead of being written; -1 if none does


class Told(NamedTuple):
    """What is told of each of N bytes of B texts."""

    probability: Array  # (N, B)
    entropy: Array  # (N, B)
    others: Array  # (N, B, A) int64: the likeliest bytes
    chances: Array  # (N, B, A): how likely they are


def next_byte(logits: Array, rules: Rules, text: int, number: Any, told: Told, t: int) -> int:
    """The byte of a text after logits (256,), drawn by a `number` from 0 to 1; tells of it at place `t`. -1 if there is
    none, for a logit is no number."""
    for i in range(len(logits)):
        if not np.isfinite(logits[i]):
            return -1
    own = np.empty(len(logits))
    told.entropy[t, text] = _soften(logits, 1.0, own)
    _likeliest(own, told.others[t, text], told.chances[t, text])
    temperature, top_k, top_p = rules.temperature[text], rules.top_k[text], rules.top_p[text]
    byte = _first(logits) if temperature == 0 else _drawn(logits, temperature, top_k, top_p, number)
    told.probability[t, text] = own[byte]
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


def _drawn(logits: Array, temperature: Any, top_k: int, top_p: Any, number: Any) -> int:
    """By the number, from the distribution that is left after temperature, top-k and top-p."""
    p = np.empty(len(logits))
    _soften(logits, temperature, p)
    if 0 < top_k < len(p) or top_p < 1:
        _cut(p, top_k, top_p)
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


def _cut(p: Array, top_k: int, top_p: Any) -> None:
    """Zeros for what is not among the likeliest."""
    order = np.argsort(-p, kind="mergesort")
    if 0 < top_k < len(p):
        kept = 0.0
        for i in range(len(p)):
            p[order[i]] = p[order[i]] if i < top_k else 0.0
            kept += p[order[i]]
        p /= kept
    before = 0.0
    for i in range(len(p) if top_p < 1 else 0):
        own = p[order[i]]
        if before >= top_p and before > 0:
            p[order[i]] = 0.0
        before += own
