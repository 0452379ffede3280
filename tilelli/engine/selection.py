"""Kernels: which keys are kept by their scores, and what those weigh. See `attention.py`."""

from typing import Any

import numpy as np

from tilelli.engine.intrinsics import bits_of, float_of
from tilelli.engine.products import Array, F

LEAST = F(-3.4e38)
LOW, HIGH = F(-87.0), F(88.0)  # exp of less is nothing, of more is beyond float32


def choose(scores: Array, seen: int, top_k: int, chosen: Array) -> int:
    """Which keys are kept: fills `chosen`, moves their scores to the front, and says how many there are.

    The threshold is found by halving, twice in a pass: few passes, each over all scores at once. At least `top_k`
    scores reach `low`, and `above` of them, fewer than `top_k`, reach `high`. Of equal scores at the threshold the
    earlier are kept.
    """
    if seen <= top_k:
        for s in range(seen):
            chosen[s] = s
        return seen
    low, high = extremes(scores, seen)
    low = low if low > LEAST else LEAST
    above, _, _ = reaching(scores, seen, high, high, high)
    while above < top_k:
        middle = halfway(low, high)
        if not low < middle < high:  # neighbours: what reaches `low` but not `high` is all the same number
            break
        left, right = halfway(low, middle), halfway(middle, high)
        most, half, few = reaching(scores, seen, left, middle, right)
        if few > top_k:
            low = right
        elif half > top_k:
            low, high, above = middle, right, few
        elif most > top_k:
            low, high, above = left, middle, half
        else:
            high, above = left, most
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


def halfway(low: Any, high: Any) -> Any:
    """Between two numbers whose difference may be beyond all floats."""
    return low * F(0.5) + high * F(0.5)


def reaching(scores: Array, seen: int, left: Any, middle: Any, right: Any) -> tuple[int, int, int]:
    """How many scores reach each of three; counted in floats, which go through as many at once as the scores do."""
    most, half, few = F(0), F(0), F(0)
    for s in range(seen):
        v = scores[s]
        most += F(1) if v >= left else F(0)
        half += F(1) if v >= middle else F(0)
        few += F(1) if v >= right else F(0)
    return int(most), int(half), int(few)


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
