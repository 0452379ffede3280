"""Kernels: a matrix of every block, and how streams are multiplied with it, by one thread or by several.

What stands in a matrix says how: floats (`products.py`), trits for streams of floats (there too), or codes of trits for
streams in whole steps (`integers.py`). See `kernels.py`.
"""

from typing import NamedTuple

from tilelli.engine.integers import SIDE, in_size, in_steps
from tilelli.engine.intrinsics import floats_at, steps_at, sums_at
from tilelli.engine.products import WORD, Array, F, prepare
from tilelli.engine.team import CODES, FLOATS, TRITS, deal


class Matrix(NamedTuple):
    """The same matrix of every block, as floats or as trits: the form that is not used holds no block."""

    floats: Array  # (L, K, R) float32
    trits: Array
    """(L, K / 16, R) uint32: sixteen trits of a column in a word, each plus one, the first in the lowest bits; where
    inputs are rounded, (L, R / 64, 4 K) in the order of `integers.add_up`."""
    scales: Array  # (L,) float32
    stepped: bool  # whether inputs are rounded to whole steps


class Scratch(NamedTuple):
    """Where a product of T streams with any matrix leaves what it needs in between; `arrays.py` says how large."""

    floats: Array  # float32, for inputs as `products.prepare` lays them out
    steps: Array  # int8, for inputs in steps
    sums: Array  # int32, for outputs in steps
    sizes: Array  # (T,) float32
    totals: Array  # (T,) int32


def multiply(matrix: Matrix, block: int, x: Array, y: Array, board: Array, scratch: Scratch, first: int = 0) -> None:
    """y = x @ W: (T, K) and (K, R) -> (T, R), for the outputs from `first` on; those before it become anything."""
    first = first // SIDE * SIDE
    T, R = y.shape
    if matrix.stepped:
        words, sizes, totals = matrix.trits[block], scratch.sizes, scratch.totals
        steps = steps_at(scratch.steps.ctypes.data, (T, words.shape[1] // SIDE * WORD))
        sums = sums_at(scratch.sums.ctypes.data, (T, SIDE * len(words)))
        in_steps(x, steps, sizes, totals)
        deal(board, CODES, words, steps, sums, first)
        in_size(sums, totals, sizes, matrix.scales[block], y)
        return
    y[:] = F(0)
    if len(matrix.trits) == 0:
        deal(board, FLOATS, matrix.floats[block], x, y, first)
        return
    inputs = floats_at(scratch.floats.ctypes.data, (T, prepare(matrix.trits[block], x, scratch.floats)))
    deal(board, TRITS, matrix.trits[block], inputs, y, first)
    for t in range(T):
        for r in range(R):
            y[t, r] *= matrix.scales[block]
