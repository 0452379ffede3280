"""Kernels: scores of keys, which are kept, what those weigh, and what their values add up to. See `kernels.py`."""

import math
from typing import Any

import numpy as np

from tilelli.engine.intrinsics import bits_of, float_of, floats_at
from tilelli.engine.products import Array, F

LEAST = F(-3.4e38)
LOW, HIGH = F(-87.0), F(88.0)  # exp of less is nothing, of more is beyond float32
KEYS, VALUES, INPUTS, ROOM, POSITION = range(5)
"""What is told of each of the bytes that are read, as whole numbers: where the memory of its conversation begins, with
keys (L, H, S / 64, head_dim, 64), values (L, H, S, head_dim) and inputs of the convolution (L, S, D); its `S`; and the
byte's position in its conversation. Bytes of one conversation come in their order; each finds those before it there."""
TILE = 64  # keys that lie side by side


def attend(places: Array, block: int, heads: int, qkv: Array, mixed: Array, top_k: int, first: int, last: int) -> None:
    """Attention of the heads from `first` to `last`: (T, 3 * H * head_dim) -> `mixed` (T, H * head_dim).

    Remembers the keys and values of these bytes at their `places` (T, 5). Each query keeps its best keys; only the
    values of those are touched. Without a `mixed` (T, 0) it remembers, and that is all.
    """
    T, width = len(qkv), qkv.shape[1] // (3 * heads)
    longest = -(-(places[:, POSITION].max() + 1) // TILE) * TILE
    query, scores, chosen = np.empty(width, F), np.empty(longest, F), np.empty(longest, np.int32)
    small = F(1 / math.sqrt(width))
    for head in range(first, last):
        here = slice(head * width, (head + 1) * width)
        for t in range(T):
            room, seen = places[t, ROOM], places[t, POSITION] + 1
            behind = 4 * (block * heads + head) * width * room
            keys = floats_at(places[t, KEYS] + behind, (room // TILE, width, TILE))
            values = floats_at(places[t, VALUES] + behind, (room, width))
            _remember(keys, values, qkv[t, heads * width :], here.start, seen - 1)
            if mixed.shape[1] == 0:
                continue
            for i in range(width):
                query[i] = small * qkv[t, here.start + i]
            for tile in range(-(-seen // TILE)):
                score(keys[tile], query, scores[TILE * tile : TILE * (tile + 1)])
            kept = choose(scores, seen, top_k, chosen)
            softmax(scores, kept)
            mix(values, scores, chosen, kept, mixed[t, here])


def _remember(keys: Array, values: Array, kv: Array, first: int, place: int) -> None:
    tile, at = place // TILE, place % TILE
    for i in range(values.shape[1]):
        keys[tile, i, at] = kv[first + i]
        values[place, i] = kv[len(kv) // 2 + first + i]


def score(keys: Array, q: Array, scores: Array) -> None:
    """How well a query (head_dim,) matches each key of a tile (head_dim, 64), whether it is filled yet or not."""
    scores[:] = F(0)
    for i in range(len(q)):
        for s in range(TILE):
            scores[s] += q[i] * keys[i, s]


def choose(scores: Array, seen: int, top_k: int, chosen: Array) -> int:
    """Which keys are kept: fills `chosen`, moves their scores to the front, and says how many there are.

    The threshold is found by halving: few passes, each over all scores at once. At least `top_k` scores reach `low`,
    and `above` of them, fewer than `top_k`, reach `high`. Of equal scores at the threshold the earlier are kept.
    """
    if seen <= top_k:
        for s in range(seen):
            chosen[s] = s
        return seen
    low, high = extremes(scores, seen)
    low = low if low > LEAST else LEAST
    above = reaching(scores, seen, high)
    while above < top_k:
        middle = low * F(0.5) + high * F(0.5)  # a difference may be beyond all floats
        if not low < middle < high:  # neighbours: what reaches `low` but not `high` is all the same number
            break
        count = reaching(scores, seen, middle)
        if count <= top_k:
            high, above = middle, count
        else:
            low = middle
    if above == top_k:  # nearly always
        return gather(scores, seen, high, chosen)
    kept, equal = 0, top_k - above
    for s in range(seen):
        wins = scores[s] >= high
        if not wins and equal > 0 and scores[s] >= low:
            wins, equal = True, equal - 1
        if wins and kept < top_k:
            scores[kept], chosen[kept] = scores[s], s
            kept += 1
    return kept


def gather(scores: Array, seen: int, threshold: Any, chosen: Array) -> int:
    """Moves the scores that reach the threshold to the front, fills `chosen` with their places, and counts them."""
    kept = 0
    for s in range(seen):  # without a branch, which would be guessed wrong
        scores[kept], chosen[kept] = scores[s], s
        kept += 1 if scores[s] >= threshold else 0
    return kept


def extremes(row: Array, n: int) -> tuple[Any, Any]:
    """The least and the largest of the first `n` numbers; any number if one of them is none.

    Compared as whole numbers in the order of the floats they are: of those many go through at once.
    """
    low = high = ordered(bits_of(row[0]))
    for s in range(1, n):
        v = ordered(bits_of(row[s]))
        low = v if v < low else low
        high = v if v > high else high
    return float_of(ordered(low)), float_of(ordered(high))


def ordered(bits: Any) -> Any:
    """The bits of a float as a whole number that is larger for a larger float; and back again."""
    return np.int32(bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF)))


def reaching(scores: Array, seen: int, threshold: Any) -> int:
    """How many scores reach it; counted in floats, which go through as many at once as the scores do."""
    count = F(0)
    for s in range(seen):
        count += F(1) if scores[s] >= threshold else F(0)
    return int(count)


def mix(values: Array, shares: Array, chosen: Array, kept: int, out: Array) -> None:
    """The sum of the kept values (S, head_dim), each times its share."""
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


def softmax(row: Array, n: int) -> None:
    """Of the first `n` numbers of a row, in place."""
    _, largest = extremes(row, n)
    for i in range(n):
        row[i] -= largest
    exponentials(row, n)
    total = F(0)
    for i in range(n):
        total += row[i]
    share = F(1) / total
    for i in range(n):
        row[i] *= share


def exponentials(row: Array, n: int) -> None:
    """exp of the first `n` numbers of a row, in place, to the last digit or two; what is below -87 becomes zero.

    exp(v) = 2^k * exp(f) with |f| <= log(2) / 2: the polynomial is that of Cephes' expf, 2^k is put together from bits.
    Written so that many numbers go through at once, and that what is no number stays none.
    """
    for i in range(n):
        v = row[i]
        kept = F(0) if v < LOW else F(1)
        near = v if v > LOW else LOW
        near = near if near < HIGH else HIGH
        v = near if v < LOW or v > HIGH else v
        k = np.floor(near * F(1.44269504) + F(0.5))
        f = v - k * F(0.693359375) + k * F(2.12194440e-4)
        p = F(1.9875691500e-4) * f + F(1.3981999507e-3)
        p = ((p * f + F(8.3334519073e-3)) * f + F(4.1665795894e-2)) * f + F(1.6666665459e-1)
        power = float_of((np.int32(k) + np.int32(127)) << np.int32(23))
        row[i] = kept * (((p * f + F(5.0000001201e-1)) * f) * f + f + F(1)) * power
