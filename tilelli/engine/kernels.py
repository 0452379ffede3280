"""The arithmetic of a model, one plain loop after another: what the compiled engine turns into machine code.

It says what `plain.py` says, without operations on whole arrays: a byte goes through the model in one call, and nothing
in between is Python once it is compiled (`compiler.py`). Run as it stands it is slow, but every index is checked;
compiled, none is, so whoever calls `read` has proved the sizes before (`compiled.py`). Axes are named as everywhere.
What multiplies stands in `matrix.py`, what selects in `selection.py`.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tilelli.engine.matrix import Matrix, multiply
from tilelli.engine.products import Array, F
from tilelli.engine.selection import exponentials, extremes, softmax
from tilelli.engine.team import FLOATS, deal, deal_heads


class Weights(NamedTuple):
    """What the layers multiply with. A part that a model lacks has no block, or width 0."""

    embedding: Array  # (256, D)
    positions: Array  # (context, D)
    norms: Array  # (N, 2, D): gain and bias; one a routed block, two a vanilla one, then the last
    router: Array  # (L, 3, D)
    router_bias: Array  # (L, 3); minus infinity where there is no such pathway, so that it weighs exactly zero
    filters: Array  # (L, kernel_size, D)
    filters_bias: Array  # (L, D)
    qkv: Matrix  # K = D, R = 3 * H * head_dim
    out: Matrix  # K = H * head_dim, R = D
    up: Matrix  # K = D, R = hidden
    down: Matrix  # K = hidden, R = D
    head: Array  # (D, 256), the embedding turned round
    abstain: Array  # (D + 2,): stream, entropy, bias; (0,) without a head


class Numbers(NamedTuple):
    """What the configuration says and no shape does."""

    blocks: int
    routed: bool
    local: bool
    sparse: bool
    dense: bool
    through_local: bool
    heads: int
    head_dim: int
    top_k: int
    mix_scale: float


class Memory(NamedTuple):
    """What one conversation has read, by position; `S` positions have a place."""

    keys: Array  # (L, H, head_dim, S)
    values: Array  # (L, H, S, head_dim)
    inputs: Array  # (L, S, D), of the convolution


def read(
    w: Weights,
    n: Numbers,
    m: Memory,
    board: Array,
    ids: Array,
    start: int,
    logits: Array,
    pathways: Array,
    abstain: Array,
) -> None:
    """Read the bytes `ids` (T,) uint8 at the positions from `start` on.

    Fills `logits` (T, 256), `pathways` (T, L, 3) of routed models, `abstain` (T,) where there is a head, and the places
    of these bytes in the memory. On the `board` helpers find work, if there are any; see `team.py`.
    """
    T, D = len(ids), w.embedding.shape[1]
    x, h = np.empty((T, D), F), np.empty((T, D), F)
    for t in range(T):
        for i in range(D):
            x[t, i] = w.embedding[ids[t], i] + w.positions[start + t, i]
    for block in range(n.blocks):
        if n.routed:
            _routed(w, n, m, board, block, x, start, pathways)
        else:
            _vanilla(w, n, m, board, block, x, start)
    _norm(x, w.norms[-1], h)
    logits[:] = F(0)
    deal(board, FLOATS, w.head, h, logits)
    if len(abstain):
        _abstain(w.abstain, h, logits, abstain)


def _routed(w: Weights, n: Numbers, m: Memory, board: Array, block: int, x: Array, start: int, pathways: Array) -> None:
    """The stream x (T, D) after a routed block, in place."""
    T, D = x.shape
    h, mixed = np.empty((T, D), F), np.zeros((T, D), F)
    _norm(x, w.norms[block], h)
    shares = np.empty((T, 3), F)
    _route(w.router[block], w.router_bias[block], h, shares)
    pathways[:, block] = shares
    scale = F(n.mix_scale)
    if n.sparse:
        _attention(w, n, m, board, block, h, start, mixed)
        _add(x, mixed, shares[:, 1], scale)
    if n.local:
        _local(w.filters[block], w.filters_bias[block], m.inputs[block], h, start, mixed)
        _add(x, mixed, shares[:, 0], scale)
        if n.through_local:
            for t in range(T):
                for i in range(D):
                    h[t, i] += mixed[t, i]
    if n.dense:
        _dense(w, board, block, h, mixed)
        _add(x, mixed, shares[:, 2], scale)


def _vanilla(w: Weights, n: Numbers, m: Memory, board: Array, block: int, x: Array, start: int) -> None:
    """The stream x (T, D) after a vanilla block, in place."""
    h, made = np.empty(x.shape, F), np.empty(x.shape, F)
    ones = np.ones(x.shape[0], F)
    _norm(x, w.norms[2 * block], h)
    _attention(w, n, m, board, block, h, start, made)
    _add(x, made, ones, F(1))
    _norm(x, w.norms[2 * block + 1], h)
    _dense(w, board, block, h, made)
    _add(x, made, ones, F(1))


def _add(x: Array, made: Array, shares: Array, scale: Any) -> None:
    """x + scale * share * made, byte by byte."""
    for t in range(x.shape[0]):
        share = scale * shares[t]
        for i in range(x.shape[1]):
            x[t, i] += share * made[t, i]


def _norm(x: Array, gain_bias: Array, out: Array) -> None:
    """Layer norm of (T, D)."""
    T, D = x.shape
    for t in range(T):
        mean = F(0)
        for i in range(D):
            mean += x[t, i]
        mean /= F(D)
        square = F(0)
        for i in range(D):
            square += (x[t, i] - mean) * (x[t, i] - mean)
        inverse = F(1) / np.sqrt(square / F(D) + F(1e-5))
        for i in range(D):
            out[t, i] = (x[t, i] - mean) * inverse * gain_bias[0, i] + gain_bias[1, i]


def _route(score: Array, bias: Array, h: Array, shares: Array) -> None:
    """Softmax over the pathways: (T, D) -> (T, 3)."""
    for t in range(h.shape[0]):
        for p in range(3):
            total = F(0)
            for i in range(h.shape[1]):
                total += score[p, i] * h[t, i]
            shares[t, p] = total + bias[p]
        softmax(shares[t], 3)


def _local(filters: Array, bias: Array, inputs: Array, h: Array, start: int, out: Array) -> None:
    """Causal convolution of (T, D), whose inputs are remembered in `inputs` (S, D)."""
    T, D = h.shape
    reach = filters.shape[0] - 1
    for t in range(T):
        for i in range(D):
            inputs[start + t, i] = h[t, i]
            out[t, i] = bias[i] + filters[reach, i] * h[t, i]
        for back in range(1, min(reach, start + t) + 1):
            for i in range(D):
                out[t, i] += filters[reach - back, i] * inputs[start + t - back, i]


def _dense(w: Weights, board: Array, block: int, h: Array, out: Array) -> None:
    """down(gelu(up(h))); gelu in its tanh form is u * sigmoid(2 z)."""
    hidden = np.empty((h.shape[0], w.up.floats.shape[2]), F)
    gate = np.empty(hidden.shape[1], F)
    multiply(w.up, block, h, hidden, board)
    for t in range(hidden.shape[0]):
        for i in range(len(gate)):
            u = hidden[t, i]
            gate[i] = F(-1.5957691216) * (u + F(0.044715) * u * u * u)
        exponentials(gate, len(gate))
        for i in range(len(gate)):
            hidden[t, i] /= F(1) + gate[i]
    multiply(w.down, block, hidden, out, board)


def _attention(w: Weights, n: Numbers, m: Memory, board: Array, block: int, h: Array, start: int, out: Array) -> None:
    T, inner = h.shape[0], n.heads * n.head_dim
    qkv, mixed = np.empty((T, 3 * inner), F), np.zeros((T, inner), F)
    multiply(w.qkv, block, h, qkv, board)
    deal_heads(board, m.keys[block], m.values[block], qkv, mixed, start, n.top_k)
    multiply(w.out, block, mixed, out, board)


def _abstain(head: Array, h: Array, logits: Array, out: Array) -> None:
    """What the abstain head makes of a stream and of the entropy of the next byte in bits, as a probability."""
    D, row = h.shape[1], np.empty(256, F)
    for t in range(h.shape[0]):
        _, largest = extremes(logits[t], 256)
        for i in range(256):
            row[i] = logits[t, i] - largest
        exponentials(row, 256)
        total = mean = F(0)
        for i in range(256):
            total += row[i]
            mean += row[i] * (logits[t, i] - largest)
        score = head[D] * (np.log(total) - mean / total) / F(math.log(2)) + head[D + 1]
        for i in range(D):
            score += head[i] * h[t, i]
        out[t] = F(1) / (F(1) + np.exp(-score))
