"""Kernels: which byte comes next, and what is told of it. See `kernels.py`.

They say what `writing.py` says. Bytes are drawn in its order and in double precision, so that a seed gives the same
text whoever chooses; what is told of them is of single precision, as the logits are.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tilelli.engine.products import Array, F
from tilelli.engine.selection import exponentials


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
    pathways: Array  # (N, B, 3): router weights, mean over the blocks; (N, B, 0) of vanilla models
    abstain: Array  # (N, B): what the abstain head says, from 0 to 1; (N, 0) without one


def next_byte(logits: Array, rules: Rules, text: int, number: Any, told: Told, t: int) -> int:
    """The byte of a text after logits (256,), drawn by a `number` from 0 to 1; tells of it at place `t`. -1 if there is
    none, for a logit is no number."""
    for i in range(len(logits)):
        if not np.isfinite(logits[i]):
            return -1
    first, own, total, moment = _first(logits), np.empty(len(logits), F), 0.0, 0.0
    for i in range(len(own)):
        own[i] = logits[i] - logits[first]
    exponentials(own, len(own))
    for i in range(len(own)):
        total += np.float64(own[i])
        moment += np.float64(own[i]) * (np.float64(logits[i]) - np.float64(logits[first]))
    told.entropy[t, text] = (math.log(total) - moment / total) / math.log(2)
    _likeliest(logits, told.others[t, text])
    for place in range(told.others.shape[2]):
        told.chances[t, text, place] = own[told.others[t, text, place]] / total
    temperature, top_k, top_p = rules.temperature[text], rules.top_k[text], rules.top_p[text]
    byte = first if temperature == 0 else _drawn(logits, logits[first], temperature, top_k, top_p, number)
    told.probability[t, text] = own[byte] / total
    return byte


def tell(pathways: Array, abstain: Array, told: Told, t: int) -> None:
    """What each text's router weights (B, L, 3) and logits of the head (B,) say, at place `t`."""
    blocks = pathways.shape[1]
    for text in range(pathways.shape[0] if blocks else 0):
        for p in range(3):
            total = F(0)
            for block in range(blocks):
                total += pathways[text, block, p]
            told.pathways[t, text, p] = total / F(blocks)
    for text in range(len(abstain)):
        told.abstain[t, text] = 0.5 + 0.5 * math.tanh(0.5 * np.float64(abstain[text]))  # logistic


def _first(logits: Array) -> int:
    """Where the largest stands, the first of equals."""
    best = 0
    for i in range(1, len(logits)):
        if logits[i] > logits[best]:
            best = i
    return best


def _likeliest(logits: Array, others: Array) -> None:
    """The likeliest bytes, of equals the first first."""
    kept, most = 0, len(others)
    for i in range(len(logits)):
        if kept == most and logits[i] <= logits[others[kept - 1]]:
            continue
        place = min(kept, most - 1)
        while place > 0 and logits[i] > logits[others[place - 1]]:
            others[place] = others[place - 1]
            place -= 1
        others[place] = i
        kept = min(kept + 1, most)


def _drawn(logits: Array, largest: Any, temperature: Any, top_k: int, top_p: Any, number: Any) -> int:
    """By the number, from the distribution that is left after temperature, top-k and top-p."""
    p, whole = np.empty(len(logits)), 0.0
    for i in range(len(p)):
        p[i] = math.exp((np.float64(logits[i]) - np.float64(largest)) / temperature)
    for i in range(len(p)):
        whole += p[i]
    for i in range(len(p)):
        p[i] /= whole
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
