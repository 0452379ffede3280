"""Kernels: top-k attention over whole texts, forward and backward, for training and scoring.

Scores need every key, and come from a matrix product; all that follows touches kept keys only: `top_k` of hundreds.
So it costs less than the dense attention that it stands for. Each head of each text is a sequence of its own, of N:
threads may share them. Shapes: queries, keys, values and their gradients (N, T, head_dim); `index` and `weights`
(N, T, K). Writing byte by byte has other kernels, in `attention.py`; `pathways/topk_attention.py` says the same by
torch's own operations.
"""

import math
from typing import Any

from tilelli.engine.products import Array, F
from tilelli.engine.selection import choose, softmax


def keep(
    start: int, scores: Array, v: Array, index: Array, weights: Array, out: Array, room: Array, first: int, last: int
) -> None:
    """Choose keys for a block of queries, weigh them, and mix their values, for the sequences `first` to `last`.

    Args:
        start: where in the text the first of these queries stands.
        scores: (N, queries, keys), overwritten. Keys that come after their query are never looked at.
        index: filled with the places of the kept keys; 0 where a query has fewer, which `learn` leaves out.
        weights: filled with their softmax weights; 0 where a query has fewer.
        out: filled with the mix of their values.
        room: for one more place than there are keys.
    """
    for n in range(first, last):
        for query in range(scores.shape[1]):
            t = start + query
            row, own, shares, mixed = scores[n, query], index[n, t], weights[n, t], out[n, t]
            nothing = F(0) * total(row, t + 1)  # but no number, if a score is none
            kept = choose(row, t + 1, own.shape[0], room)
            softmax(row, kept)
            for d in range(mixed.shape[0]):
                mixed[d] = nothing
            for j in range(kept):
                own[j], shares[j] = room[j], row[j]
                add(mixed, row[j], v[n, room[j]])
            for j in range(kept, own.shape[0]):
                own[j], shares[j] = 0, F(0)


def learn(
    q: Array, k: Array, v: Array, index: Array, weights: Array, grad: Array, grad_q: Array, grad_k: Array,
    grad_v: Array, room: Array, first: int, last: int,
) -> None:  # fmt: skip
    """Adds the gradients of q, k and v that come from that of the mix, `grad`; `room` is for K numbers."""
    scale = F(1 / math.sqrt(q.shape[2]))
    for n in range(first, last):
        for t in range(q.shape[1]):
            own, shares, incoming = index[n, t], weights[n, t], grad[n, t]
            kept, mean = min(t + 1, own.shape[0]), F(0)
            for j in range(kept):
                room[j] = inner(incoming, v[n, own[j]])
                mean += shares[j] * room[j]
            for j in range(kept):
                slope = scale * shares[j] * (room[j] - mean)  # through the softmax
                add(grad_v[n, own[j]], shares[j], incoming)
                add(grad_q[n, t], slope, k[n, own[j]])
                add(grad_k[n, own[j]], slope, q[n, t])


def add(to: Array, times: Any, vector: Array) -> None:
    """Adds a multiple of a vector to another."""
    for d in range(to.shape[0]):
        to[d] += times * vector[d]


def inner(a: Array, b: Array) -> Any:
    """The inner product of two vectors."""
    found = F(0)
    for d in range(a.shape[0]):
        found += a[d] * b[d]
    return found


def total(row: Array, n: int) -> Any:
    """Of the first `n` numbers."""
    found = F(0)
    for s in range(n):
        found += row[s]
    return found
