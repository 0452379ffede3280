"""Kernels: attention of one byte or several, each in the memory of its conversation. See `kernels.py`.

Keys and values are remembered as floats, or in whole steps of one byte each, as `ternary.py` rounds them: then a score
is a sum of whole numbers, and memory a quarter as large, which is what attention waits for. Which keys are kept is
found in `selection.py`; only the values of those are touched.
"""

import math

import numpy as np

from tilelli.engine.integers import STEP, N, largest, stepped
from tilelli.engine.intrinsics import bytes_at, floats_at, steps_at
from tilelli.engine.products import Array, F
from tilelli.engine.selection import choose, softmax

KEYS, VALUES, SIZES, INPUTS, ROOM, POSITION = range(6)
"""What is told of each of the bytes that are read, as whole numbers: where the memory of its conversation begins, with
keys, values, their sizes, and inputs of the convolution as `memory.py` has them; for how many positions there is room;
and the byte's position in its conversation. Bytes of one conversation come in their order; each finds those before it
there."""
TILE = 64  # keys that lie side by side
QUAD = 4  # steps of a key that lie side by side
MIDDLE = 128  # is added to the steps of keys: processors multiply bytes with a sign by bytes without


def attend(
    places: Array, block: int, heads: int, qkv: Array, mixed: Array, top_k: int, rounds: bool, first: int, last: int
) -> None:
    """Attention of the heads from `first` to `last`: (T, 3 * H * head_dim) -> `mixed` (T, H * head_dim).

    Remembers the keys and values of these bytes at their `places` (T, 6), if `rounds` in steps. Each query keeps its
    best keys. Without a `mixed` (T, 0) it remembers, and that is all.
    """
    inner = qkv.shape[1] // 3
    width = inner // heads
    longest = -(-(places[:, POSITION].max() + 1) // TILE) * TILE
    scores, chosen, query = np.empty(longest, F), np.empty(longest, np.int32), np.empty(width, F)
    steps, sums = np.zeros(-(-width // QUAD) * QUAD, np.int8), np.empty(TILE, np.int32)
    for head in range(first, last):
        for t in range(len(qkv)):
            own, at = block * heads + head, head * width
            q, k = qkv[t, at : at + width], qkv[t, inner + at : inner + at + width]
            v, out = qkv[t, 2 * inner + at : 2 * inner + at + width], mixed[t, at : at + width]
            if rounds:
                attend_steps(places[t], own, q, k, v, out, top_k, scores, chosen, steps, sums)
            else:
                attend_floats(places[t], own, q, k, v, out, top_k, scores, chosen, query)


def attend_floats(
    place: Array,
    own: int,
    q: Array,
    k: Array,
    v: Array,
    out: Array,
    top_k: int,
    scores: Array,
    chosen: Array,
    query: Array,
) -> None:
    """Of one byte and one head, the `own`th in memory: three of (head_dim,) -> `out` (head_dim,), if there is room."""
    keys, values = memory_of(place, own, len(q))
    remember(keys, values, place[POSITION], k, v)
    if len(out) == 0:
        return
    small = F(1 / math.sqrt(len(q)))
    for i in range(len(q)):
        query[i] = small * q[i]
    for tile in range(place[POSITION] // TILE + 1):
        score(keys[tile], query, scores[TILE * tile : TILE * (tile + 1)])
    kept = choose(scores, place[POSITION] + 1, top_k, chosen)
    softmax(scores, kept)
    mix(values, scores, chosen, kept, out)


def remember(keys: Array, values: Array, position: int, k: Array, v: Array) -> None:
    """Keep the key and the value of a byte and a head, each (head_dim,)."""
    tile, at = position // TILE, position % TILE
    for i in range(len(k)):
        keys[tile, i, at] = k[i]
        values[position, i] = v[i]


def score(keys: Array, q: Array, scores: Array) -> None:
    """How well a query (head_dim,) matches each key of a tile (head_dim, 64), whether it is filled yet or not."""
    scores[:] = F(0)
    for i in range(len(q)):
        for s in range(TILE):
            scores[s] += q[i] * keys[i, s]


def mix(values: Array, shares: Array, chosen: Array, kept: int, out: Array) -> None:
    """The sum of the kept values (S, head_dim), each times its share."""
    out[:] = F(0)
    j, whole = 0, kept // 4 * 4
    while j < whole:
        a, b, c, d = shares[j], shares[j + 1], shares[j + 2], shares[j + 3]
        s, t, u, v = chosen[j], chosen[j + 1], chosen[j + 2], chosen[j + 3]
        for i in range(len(out)):
            out[i] += a * values[s, i] + b * values[t, i] + c * values[u, i] + d * values[v, i]
        j += 4
    for j in range(whole, kept):
        for i in range(len(out)):
            out[i] += shares[j] * values[chosen[j], i]


def memory_of(place: Array, own: int, width: int) -> tuple[Array, Array]:
    """Keys (S / 64, head_dim, 64) and values (S, head_dim) of a head."""
    room = place[ROOM]
    behind = 4 * own * width * room
    keys = floats_at(place[KEYS] + behind, (room // TILE, width, TILE))
    return keys, floats_at(place[VALUES] + behind, (room, width))


def attend_steps(
    place: Array,
    own: int,
    q: Array,
    k: Array,
    v: Array,
    out: Array,
    top_k: int,
    scores: Array,
    chosen: Array,
    steps: Array,
    sums: Array,
) -> None:
    """The same in steps; `steps` (head_dim or more,) are zero behind."""
    keys, values, sizes = steps_of(place, own, len(q))
    remember_steps(keys, values, sizes, place[POSITION], k, v, steps)
    if len(out) == 0:
        return
    match_steps(keys, sizes[0], place[POSITION], q, steps, sums, scores)
    kept = choose(scores, place[POSITION] + 1, top_k, chosen)
    softmax(scores, kept)
    mix_steps(values, sizes[1], scores, chosen, kept, out)


def remember_steps(keys: Array, values: Array, sizes: Array, position: int, k: Array, v: Array, steps: Array) -> None:
    """Keep key and value in steps, and the sizes of these."""
    tile, at = position // TILE, position % TILE
    most_k, most_v = largest(k), largest(v)
    sizes[0, position], sizes[1, position] = most_k * STEP, most_v * STEP
    stepped(k, most_k, steps[: len(k)])
    stepped(v, most_v, values[position])
    for quad in range(keys.shape[1]):
        for j in range(QUAD):
            keys[tile, quad, at, j] = np.uint8(N(steps[QUAD * quad + j]) + N(MIDDLE))


def match_steps(keys: Array, sizes: Array, position: int, q: Array, steps: Array, sums: Array, scores: Array) -> None:
    """How well a query (head_dim,) matches each key up to that position; behind it, up to a whole tile, anything."""
    most = largest(q)
    total = stepped(q, most, steps[: len(q)]) * N(MIDDLE)
    size = most * STEP * F(1 / math.sqrt(len(q)))
    for tile in range(position // TILE + 1):
        score_steps(keys[tile], steps, sums)
        for s in range(TILE):
            scores[TILE * tile + s] = F(sums[s] - total) * (size * sizes[TILE * tile + s])


def score_steps(keys: Array, steps: Array, sums: Array) -> None:
    """Fills in the sums (64,) of a tile of keys (head_dim / 4, 64, 4) times the steps of a query."""
    sums[:] = 0
    for quad in range(len(keys)):
        own = steps[QUAD * quad : QUAD * (quad + 1)]
        a, b, c, d = N(own[0]), N(own[1]), N(own[2]), N(own[3])
        for s in range(TILE):
            k = keys[quad, s]
            sums[s] += N(k[0]) * a + N(k[1]) * b + N(k[2]) * c + N(k[3]) * d


def mix_steps(values: Array, sizes: Array, shares: Array, chosen: Array, kept: int, out: Array) -> None:
    """The same of values in steps of these sizes (S,)."""
    out[:] = F(0)
    for j in range(kept):
        shares[j] *= sizes[chosen[j]]
    j, whole = 0, kept // 4 * 4
    while j < whole:
        a, b, c, d = shares[j], shares[j + 1], shares[j + 2], shares[j + 3]
        s, t, u, v = chosen[j], chosen[j + 1], chosen[j + 2], chosen[j + 3]
        for i in range(len(out)):
            out[i] += a * F(values[s, i]) + b * F(values[t, i]) + c * F(values[u, i]) + d * F(values[v, i])
        j += 4
    for j in range(whole, kept):
        for i in range(len(out)):
            out[i] += shares[j] * F(values[chosen[j], i])


def steps_of(place: Array, own: int, width: int) -> tuple[Array, Array, Array]:
    """Keys (S / 64, head_dim / 4, 64, 4) and values (S, head_dim) of a head, and the sizes (2, S) of their steps."""
    room, quads = place[ROOM], -(-width // QUAD)
    keys = bytes_at(place[KEYS] + own * QUAD * quads * room, (room // TILE, quads, TILE, QUAD))
    values = steps_at(place[VALUES] + own * width * room, (room, width))
    return keys, values, floats_at(place[SIZES] + 4 * own * 2 * room, (2, room))
