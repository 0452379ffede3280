"""Kernels: attention of one byte or several, each in the memory of its conversation. See `kernels.py`.

Keys and values are remembered as floats, or in whole steps of one byte each, as `ternary.py` rounds them: then a score
is a sum of whole numbers, and memory a quarter as large, which is what attention waits for. Which keys are kept is
found in `selection.py`; only the values of those are touched.
"""

import math
from typing import NamedTuple

import numpy as np

from tilelli.engine.integers import STEP, N, largest, stepped
from tilelli.engine.intrinsics import bytes_at, fetch, floats_at, steps_at, words_at
from tilelli.engine.products import Array, F
from tilelli.engine.selection import choose, softmax

KEYS, VALUES, SIZES, INPUTS, ROOM, POSITION = range(6)
"""What is told of each of the bytes that are read, as whole numbers: where the memory of its conversation begins, with
keys, values, their sizes, and inputs of the convolution as `memory.py` has them; for how many positions there is room;
and the byte's position in its conversation. Bytes of one conversation come in their order; each finds those before it
there."""
TILE = 64  # keys that lie side by side
QUAD = 4  # steps of a key that lie side by side
LANES = 16  # numbers of a value that are taken at once; zeros fill up the last
MIDDLE = 128  # is added to the steps of keys: processors multiply bytes with a sign by bytes without
FOUR_MIDDLES = np.uint32(0x80808080)  # flipping the highest bit adds it to a byte


class Desk(NamedTuple):
    """What one thread needs in between to attend to up to S positions."""

    scores: Array  # (2, S), of this head and of the one before
    chosen: Array  # (2, S) int32: the places of keys that are kept
    query: Array  # (head_dim,)
    steps: Array  # (head_dim or the next multiple of 4,) int8, zeros behind
    sums: Array  # (64,) int32, of a tile of keys
    mixed: Array  # (head_dim or the next multiple of 16,)


def attend(
    places: Array, block: int, heads: int, qkv: Array, mixed: Array, top_k: int, rounds: bool, first: int, last: int
) -> None:
    """Attention of the heads from `first` to `last`: (T, 3 * H * head_dim) -> `mixed` (T, H * head_dim).

    Remembers the keys and values of these bytes at their `places` (T, 6), if `rounds` in steps. Each query keeps its
    best keys. Without a `mixed` (T, 0) it remembers, and that is all. The values that a query keeps are asked for, and
    mixed when the next one has kept its own: by then they are near.
    """
    T, inner = len(qkv), qkv.shape[1] // 3
    width = inner // heads
    longest = filled(places[:, POSITION].max() + 1, TILE)
    scores, chosen, query = np.empty((2, longest), F), np.empty((2, longest), np.int32), np.empty(width, F)
    steps, sums = np.zeros(filled(width, QUAD), np.int8), np.empty(TILE, np.int32)
    desk, kept = Desk(scores, chosen, query, steps, sums, np.empty(filled(width, LANES), F)), 0
    most, turns = top_k if mixed.shape[1] else 0, T * (last - first)
    for turn in range(turns + 1):
        before, side = kept, turn % 2
        if turn < turns:
            head, t = first + turn // T, turn % T
            own, at = block * heads + head, head * width
            q, k = qkv[t, at : at + width], qkv[t, inner + at : inner + at + width]
            v = qkv[t, 2 * inner + at : 2 * inner + at + width]
            if rounds:
                kept = keep_steps(places[t], own, q, k, v, most, desk, side)
            else:
                kept = keep_floats(places[t], own, q, k, v, most, desk, side)
        if turn > 0 and most > 0:
            head, t = first + (turn - 1) // T, (turn - 1) % T
            own, at = block * heads + head, head * width
            give(places[t], own, rounds, before, desk, 1 - side, mixed[t, at : at + width])


def give(place: Array, own: int, rounds: bool, kept: int, desk: Desk, side: int, out: Array) -> None:
    """The kept values of a head, mixed: `out` (head_dim,). None is kept where no score is a number: nor is this one."""
    if kept == 0:
        out[:] = F(np.nan)
        return
    if rounds:
        _, values, _ = steps_of(place, own, len(out))
        mix(values, desk.scores[side], desk.chosen[side], kept, desk.mixed)
    else:
        _, floats = memory_of(place, own, len(out))
        mix(floats, desk.scores[side], desk.chosen[side], kept, desk.mixed)
    for i in range(len(out)):
        out[i] = desk.mixed[i]


def filled(number: int, part: int) -> int:
    """The next multiple of a part."""
    return -(-number // part) * part


def keep_floats(place: Array, own: int, q: Array, k: Array, v: Array, top_k: int, desk: Desk, side: int) -> int:
    """Remember key and value of one byte and one head, the `own`th in memory, and say how many keys its query keeps,
    with their places and shares on a side of the desk."""
    keys, values = memory_of(place, own, len(q))
    remember(keys, values, place[POSITION], k, v)
    if top_k == 0:
        return 0
    scores, chosen = desk.scores[side], desk.chosen[side]
    small = F(1 / math.sqrt(len(q)))
    for i in range(len(q)):
        desk.query[i] = small * q[i]
    for tile in range(place[POSITION] // TILE + 1):
        score(keys[tile], desk.query, scores[TILE * tile : TILE * (tile + 1)])
    kept = choose(scores, place[POSITION] + 1, top_k, chosen)
    for j in range(kept):
        fetch(values[chosen[j]].ctypes.data, 4 * values.shape[1])
    softmax(scores, kept)
    return kept


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
    """The sum of the kept values (S, head_dim or more), floats or steps, each times its share."""
    out[:] = F(0)
    for j in range(kept):
        for i in range(len(out)):
            out[i] += shares[j] * F(values[chosen[j], i])


def memory_of(place: Array, own: int, width: int) -> tuple[Array, Array]:
    """Keys (S / 64, head_dim, 64) and values (S, head_dim or more) of a head."""
    room, whole = place[ROOM], filled(width, LANES)
    keys = floats_at(place[KEYS] + 4 * own * width * room, (room // TILE, width, TILE))
    return keys, floats_at(place[VALUES] + 4 * own * whole * room, (room, whole))


def keep_steps(place: Array, own: int, q: Array, k: Array, v: Array, top_k: int, desk: Desk, side: int) -> int:
    """The same in steps; a share comes times the size of the steps of its value."""
    keys, values, sizes = steps_of(place, own, len(q))
    remember_steps(keys, values, sizes, place[POSITION], k, v, desk.steps)
    if top_k == 0:
        return 0
    scores, chosen = desk.scores[side], desk.chosen[side]
    match_steps(keys, sizes[0], place[POSITION], q, desk.steps, desk.sums, scores)
    kept = choose(scores, place[POSITION] + 1, top_k, chosen)
    for j in range(kept):
        fetch(values[chosen[j]].ctypes.data, values.shape[1])
    softmax(scores, kept)
    for j in range(kept):
        scores[j] *= sizes[1, chosen[j]]
    return kept


def remember_steps(keys: Array, values: Array, sizes: Array, position: int, k: Array, v: Array, steps: Array) -> None:
    """Keep key and value in steps, and the sizes of these; `steps` (head_dim or more,) are zero behind."""
    tile, at, quads = position // TILE, position % TILE, keys.shape[1]
    most_k, most_v = largest(k), largest(v)
    sizes[0, position], sizes[1, position] = most_k * STEP, most_v * STEP
    stepped(k, most_k, steps[: len(k)])
    stepped(v, most_v, values[position, : len(v)])
    fours, there = words_at(steps.ctypes.data, (quads,)), words_at(keys[tile].ctypes.data, (quads, TILE))
    for quad in range(quads):
        there[quad, at] = fours[quad] ^ FOUR_MIDDLES


def match_steps(keys: Array, sizes: Array, position: int, q: Array, steps: Array, sums: Array, scores: Array) -> None:
    """How well a query (head_dim,) matches each key up to that position; behind it, up to a whole tile, anything."""
    most = largest(q)
    total = N(stepped(q, most, steps[: len(q)]) * N(MIDDLE))
    size = most * STEP * F(1 / math.sqrt(len(q)))
    for tile in range(position // TILE + 1):
        score_steps(keys[tile], steps, sums)
        for s in range(TILE):
            scores[TILE * tile + s] = F(N(sums[s] - total)) * (size * sizes[TILE * tile + s])


def score_steps(keys: Array, steps: Array, sums: Array) -> None:
    """Fills in the sums (64,) of a tile of keys (head_dim / 4, 64, 4) times the steps of a query."""
    sums[:] = 0
    for quad in range(len(keys)):
        own = steps[QUAD * quad : QUAD * (quad + 1)]
        a, b, c, d = N(own[0]), N(own[1]), N(own[2]), N(own[3])
        for s in range(TILE):
            k = keys[quad, s]
            sums[s] += N(k[0]) * a + N(k[1]) * b + N(k[2]) * c + N(k[3]) * d


def steps_of(place: Array, own: int, width: int) -> tuple[Array, Array, Array]:
    """Keys (S / 64, head_dim / 4, 64, 4) and values (S, head_dim or more) of a head, and the sizes (2, S) of their
    steps."""
    room, quads, whole = place[ROOM], filled(width, QUAD) // QUAD, filled(width, LANES)
    keys = bytes_at(place[KEYS] + own * QUAD * quads * room, (room // TILE, quads, TILE, QUAD))
    values = steps_at(place[VALUES] + own * whole * room, (room, whole))
    return keys, values, floats_at(place[SIZES] + 4 * own * 2 * room, (2, room))
