"""The arithmetic of a model, one plain loop after another: what the compiled engine turns into machine code.

It says what `plain.py` says, without operations on whole arrays: a byte goes through the model in one call, and nothing
in between is Python once it is compiled (`compiler.py`). Run as it stands it is slow, but every index is checked;
compiled, none is, so whoever calls `read` has proved the sizes before (`arrays.py`, `memory.py`). Axes are named as
everywhere. What multiplies stands in `matrix.py`, what attends in `attention.py`.

The bytes that are read together may be of several conversations, each with a memory of its own: they share one reading
of every matrix. A pathway whose weight is 0 for a byte is not computed for it, and only remembers.
"""

import math
from typing import Any, NamedTuple

import numpy as np

from tilelli.engine.attention import INPUTS, POSITION, ROOM
from tilelli.engine.choosing import Rules, Told, next_byte, tell
from tilelli.engine.intrinsics import floats_at
from tilelli.engine.matrix import Matrix, Scratch, multiply
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
    thresholds: Array  # (L,): of router weights; smaller ones count as nothing
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


class Room(NamedTuple):
    """What T bytes become on their way through a model; whoever calls makes it, since the kernels allocate nothing
    where it would count. `write` uses one for all of its bytes."""

    x: Array  # (T, D), the stream
    h: Array  # (T, D), normed
    made: Array  # (T, D), by a pathway
    fed: Array  # (T, D), what goes into the feed-forward
    feeding: Array  # (T,) int64, which bytes do
    shares: Array  # (T, 3)
    qkv: Array  # (T, 3 * H * head_dim)
    mixed: Array  # (T, H * head_dim)
    hidden: Array  # (T, hidden)
    gate: Array  # (hidden,)
    scratch: Scratch


def write(
    w: Weights,
    n: Numbers,
    room: Room,
    board: Array,
    ids: Array,
    places: Array,
    logits: Array,
    pathways: Array,
    abstain: Array,
    rules: Rules,
    random: Array,
    told: Told,
    done: Array,
) -> None:
    """Write up to N bytes of each of B texts, by `random` (N, B) numbers from 0 to 1.

    The first of `ids` (N + 1, B) are read at their `places` (N, B, 6); each of the others is chosen by the rules and,
    but for the last, read in its turn. `logits` (B, 256), `pathways` (B, L, 3) and `abstain` (B,) or (0,) are
    overwritten by each, see `read`. `done` (B,) becomes how many were written: fewer than N if a text ends, and
    counted from -1 down if that is because no byte can be chosen. A text that has ended is gone on with, for nothing.
    """
    N, B = random.shape
    done[:] = N
    for t in range(N):
        read(w, n, room, board, ids[t], places[t], logits, pathways, abstain)
        tell(pathways, abstain, told, t)
        for text in range(B):
            byte = next_byte(logits[text], rules, text, random[t, text], told, t)
            if done[text] == N and byte < 0:
                done[text] = -1 - t
            elif done[text] == N and byte == rules.end[text]:
                done[text] = t
            ids[t + 1, text] = max(byte, 0)


def read(
    w: Weights,
    n: Numbers,
    room: Room,
    board: Array,
    ids: Array,
    places: Array,
    logits: Array,
    pathways: Array,
    abstain: Array,
) -> None:
    """Read the bytes `ids` (T,) uint8 at their `places` (T, 6) int64, of which `attention.py` says what they are.

    Fills `logits` (T, 256), `pathways` (T, L, 3) of routed models, `abstain` (T,) where there is a head, and the places
    of these bytes in memory. On the `board` helpers find work, if there are any; see `team.py`.
    """
    T, D = len(ids), w.embedding.shape[1]
    x, h = room.x, room.h
    for t in range(T):
        own, position = w.embedding[ids[t]], w.positions[places[t, POSITION]]
        for i in range(D):
            x[t, i] = own[i] + position[i]
    for block in range(n.blocks):
        if n.routed:
            _routed(w, n, room, board, block, places, pathways)
        else:
            _vanilla(w, n, room, board, block, places)
    _norm(x, w.norms[-1], h)
    logits[:] = F(0)
    deal(board, FLOATS, w.head, h, logits, 0)
    if len(abstain):
        _abstain(w.abstain, h, logits, abstain)


def _routed(w: Weights, n: Numbers, room: Room, board: Array, block: int, places: Array, pathways: Array) -> None:
    """The stream after a routed block, in place."""
    x, h, made, shares, fed = room.x, room.h, room.made, room.shares, room.fed
    _norm(x, w.norms[block], h)
    _route(w.router[block], w.router_bias[block], w.thresholds[block], h, shares)
    _copy(shares, pathways[:, block])
    scale = F(n.mix_scale)
    if n.sparse:
        wanted = _weighing(shares[:, 1], room.feeding) > 0
        _attention(w, n, room, board, block, places, wanted)
        if wanted:
            _add(x, made, shares[:, 1], scale)
    if n.local:
        _local(w.filters[block], w.filters_bias[block], block, h, places, made)
        _add(x, made, shares[:, 0], scale)
        if n.through_local:
            _plus(h, made)
    if n.dense:
        feeding = room.feeding[: _weighing(shares[:, 2], room.feeding)]
        for place in range(len(feeding)):
            _copy(h[feeding[place] : feeding[place] + 1], fed[place : place + 1])
        if len(feeding):
            _dense(w, room, board, block, fed[: len(feeding)], made[: len(feeding)])
        for place in range(len(feeding)):
            own = feeding[place]
            _add(x[own : own + 1], made[place : place + 1], shares[own : own + 1, 2], scale)


def _weighing(shares: Array, which: Array) -> int:
    """For which bytes a pathway weighs anything: their places, of shares (T,) that are not 0; how many there are."""
    count = 0
    for t in range(len(shares)):
        if shares[t] != 0:
            which[count] = t
            count += 1
    return count


def _vanilla(w: Weights, n: Numbers, room: Room, board: Array, block: int, places: Array) -> None:
    """The stream after a vanilla block, in place."""
    x, h, made = room.x, room.h, room.made
    _norm(x, w.norms[2 * block], h)
    _attention(w, n, room, board, block, places, True)
    _plus(x, made)
    _norm(x, w.norms[2 * block + 1], h)
    _dense(w, room, board, block, h, made)
    _plus(x, made)


def _copy(x: Array, out: Array) -> None:
    for t in range(x.shape[0]):
        for i in range(x.shape[1]):
            out[t, i] = x[t, i]


def _plus(x: Array, made: Array) -> None:
    for t in range(x.shape[0]):
        for i in range(x.shape[1]):
            x[t, i] += made[t, i]


def _add(x: Array, made: Array, shares: Array, scale: Any) -> None:
    """x + scale * share * made, for each byte."""
    for t in range(len(x)):
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


def _route(score: Array, bias: Array, threshold: Any, h: Array, shares: Array) -> None:
    """Softmax over the pathways: (T, D) -> (T, 3); what is below the threshold counts as nothing."""
    for t in range(h.shape[0]):
        for p in range(3):
            total = F(0)
            for i in range(h.shape[1]):
                total += score[p, i] * h[t, i]
            shares[t, p] = total + bias[p]
        softmax(shares[t], 3)
        for p in range(3):
            shares[t, p] = F(0) if shares[t, p] < threshold else shares[t, p]


def _local(filters: Array, bias: Array, block: int, h: Array, places: Array, out: Array) -> None:
    """Causal convolution of (T, D), whose inputs are remembered."""
    T, D = h.shape
    reach = filters.shape[0] - 1
    for t in range(T):
        room, position = places[t, ROOM], places[t, POSITION]
        inputs = floats_at(places[t, INPUTS] + 4 * block * room * D, (room, D))
        for i in range(D):
            inputs[position, i] = h[t, i]
            out[t, i] = bias[i] + filters[reach, i] * h[t, i]
        for back in range(1, min(reach, position) + 1):
            for i in range(D):
                out[t, i] += filters[reach - back, i] * inputs[position - back, i]


def _dense(w: Weights, room: Room, board: Array, block: int, h: Array, out: Array) -> None:
    """down(gelu(up(h))); gelu in its tanh form is u * sigmoid(2 z)."""
    hidden, gate = room.hidden[: len(h)], room.gate
    multiply(w.up, block, h, hidden, board, room.scratch)
    for t in range(len(hidden)):
        for i in range(len(gate)):
            u = hidden[t, i]
            gate[i] = F(-1.5957691216) * (u + F(0.044715) * u * u * u)
        exponentials(gate, len(gate))
        for i in range(len(gate)):
            hidden[t, i] /= F(1) + gate[i]
    multiply(w.down, block, hidden, out, board, room.scratch)


def _attention(w: Weights, n: Numbers, room: Room, board: Array, block: int, places: Array, wanted: bool) -> None:
    """What is attended is `made`; unless it is wanted, keys and values are remembered, and that is all."""
    qkv, inner = room.qkv, room.mixed.shape[1]
    mixed = floats_at(room.mixed.ctypes.data, (len(qkv), inner if wanted else 0))
    multiply(w.qkv, block, room.h, qkv, board, room.scratch, 0 if wanted else inner)
    deal_heads(board, places, block, n.heads, qkv, mixed, n.top_k, w.qkv.stepped)
    if wanted:
        multiply(w.out, block, mixed, room.made, board, room.scratch)


def _abstain(head: Array, h: Array, logits: Array, out: Array) -> None:
    """What the abstain head makes of a stream and of the entropy of the next byte in bits: its logit."""
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
        out[t] = score
