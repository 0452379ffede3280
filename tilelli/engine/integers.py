"""Kernels: a ternary matrix times streams that are rounded to whole steps, as sums of whole numbers.

`ternary.py` says what is computed, and why no order of adding makes a difference: this agrees with torch to the last
bit. Where a processor multiplies bytes and adds them up in one stroke, `instructions.py` puts that in the place of
`add_up`. See `matrix.py`.
"""

from typing import Any

import numpy as np

from tilelli.engine.intrinsics import bits_of, float_of
from tilelli.engine.products import WORD, Array, F
from tilelli.packed import SMALLEST_SCALE, STEPS

N = np.int32  # what it is put around stays so small: numba makes 64 bits of sums, and half as many go through at once
SIDE = 64  # outputs that lie side by side
CODES = np.uint32(0x03030303)  # the lowest code of every byte
STEP = F(1 / 127)  # size of a step where the largest number is 1
SHIFTS = np.array([8 * (k % 4) + 2 * (k // 4) for k in range(WORD)], np.uint32)
"""Where in its word the trit for input k stands: those for four inputs in a row stand in four bytes in a row."""


def in_steps(x: Array, steps: Array, sizes: Array, totals: Array) -> None:
    """Streams x (T, K) as whole steps of -127 to 127: fills `steps` (T, K or more) and, of each stream, the size of its
    steps and their sum."""
    for t in range(x.shape[0]):
        most = largest(x[t])
        sizes[t], totals[t] = most * STEP, stepped(x[t], most, steps[t])
        for k in range(x.shape[1], steps.shape[1]):
            steps[t, k] = 0


def largest(x: Array) -> Any:
    """The size of the largest number, or a little above zero; no number if one of them is none.

    Compared as the whole numbers that their bits are, without the sign: of those many go through at once.
    """
    found = bits_of(F(SMALLEST_SCALE))
    for i in range(len(x)):
        size = N(bits_of(x[i]) & N(0x7FFFFFFF))
        found = size if size > found else found
    return float_of(found)


def stepped(x: Array, most: Any, steps: Array) -> Any:
    """Fills in how many steps each number is, where the largest is 127 of them, and gives their sum."""
    times, total = STEPS / most, N(0)
    for i in range(len(x)):
        step = N(np.rint(x[i] * times))
        steps[i] = step
        total = N(total + step)
    return total


def add_up(words: Array, steps: Array, sums: Array, first: int, last: int) -> None:
    """Codes (trits plus one) times steps (T, K): fills in the sums (T, R) of the outputs from `first` to `last`.

    `words` (R / 64, 4 K) hold the codes of 64 outputs by 16 inputs in 64 words in a row, one an output; how they stand
    in it says `SHIFTS`. `first` and `last` are multiples of 64.
    """
    for t in range(steps.shape[0]):
        for block in range(first // SIDE, last // SIDE):
            part = sums[t, SIDE * block : SIDE * (block + 1)]
            part[:] = 0
            for group in range(steps.shape[1] // WORD):
                own = words[block, SIDE * group : SIDE * (group + 1)]
                for plane in range(4):
                    k, shift = WORD * group + 4 * plane, np.uint32(2 * plane)
                    a, b, c, d = N(steps[t, k]), N(steps[t, k + 1]), N(steps[t, k + 2]), N(steps[t, k + 3])
                    for r in range(SIDE):
                        w = N(own[r] >> shift & CODES)
                        part[r] += (w & N(3)) * a + (w >> N(8) & N(3)) * b + (w >> N(16) & N(3)) * c + (w >> N(24)) * d


def in_size(sums: Array, totals: Array, sizes: Array, scale: Any, y: Array) -> None:
    """Sums (T, R) of codes become those of trits, in their size: y (T, R)."""
    for t in range(y.shape[0]):
        size = sizes[t] * scale
        for r in range(y.shape[1]):
            y[t, r] = F(N(sums[t, r] - totals[t])) * size
