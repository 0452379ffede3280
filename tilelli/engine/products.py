"""Kernels: a matrix times the streams of one byte or of several, from floats or from trits at 2 bits.

A matrix stands turned round, (K, R) for R outputs: its outputs lie side by side and are added up side by side, so that
many go through at once on any processor. See `kernels.py`.
"""

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
F = np.float32
TOGETHER = 4  # bytes that share one reading of a matrix
WORD = 16  # trits in a word
SHRINK = 0.25 ** np.arange(8, dtype=F)


class Matrix(NamedTuple):
    """The same matrix of every block, as floats or as trits: the form that is not used holds no block."""

    floats: Array  # (L, K, R) float32
    trits: (
        Array  # (L, K / 16, R) uint32: sixteen trits of a column in a word, each plus one, the first in the lowest bits
    )
    scales: Array  # (L,) float32


def multiply(matrix: Matrix, block: int, x: Array, y: Array) -> None:
    """y = x @ W: (T, K) and (K, R) -> (T, R)."""
    y[:] = F(0)
    if matrix.trits.shape[0] == 0:
        accumulate(matrix.floats[block], x, y)
        return
    words, scale = matrix.trits[block], matrix.scales[block]
    if x.shape[0] < TOGETHER:
        for t in range(x.shape[0]):
            trits_one(words, x[t], y[t])
    else:
        trits_many(words, x, y)
    for t in range(y.shape[0]):
        for r in range(y.shape[1]):
            y[t, r] *= scale


def trits_one(words: Array, x: Array, y: Array) -> None:
    """y += x @ trits for one byte, from 2 bits a trit.

    A code of 0, 1 or 2 is not shifted into place but taken where it stands, 4^j too large, and met by an x that is 4^j
    too small: both are exact. Codes being trits plus one, the sum of x is taken off, eight by eight.
    """
    shrunk, sums = np.zeros(WORD * words.shape[0], F), np.zeros(2 * words.shape[0], F)
    for k in range(len(x)):
        shrunk[k] = x[k] * SHRINK[k % 8]
        sums[k // 8] += x[k]
    for k in range(words.shape[0]):
        for r in range(len(y)):
            bits, part = words[k, r], -sums[2 * k]
            for j in range(8):
                part += shrunk[WORD * k + j] * F(np.int32(bits & np.uint32(3 << 2 * j)))
            y[r] += part
        for r in range(len(y)):
            bits, part = words[k, r] >> np.uint32(16), -sums[2 * k + 1]
            for j in range(8):
                part += shrunk[WORD * k + 8 + j] * F(np.int32(bits & np.uint32(3 << 2 * j)))
            y[r] += part


def trits_many(words: Array, x: Array, y: Array) -> None:
    """The same for several bytes: a few rows at a time become floats, which all bytes then share."""
    T, K = x.shape
    padded, rows = np.zeros((T, words.shape[0] * WORD), F), np.empty((WORD, words.shape[1]), F)
    padded[:, :K] = x
    for k in range(words.shape[0]):
        for j in range(WORD):
            for r in range(words.shape[1]):
                rows[j, r] = F(np.int32(words[k, r] >> np.uint32(2 * j) & np.uint32(3))) - F(1)
        accumulate(rows, padded[:, WORD * k : WORD * (k + 1)], y)


def accumulate(w: Array, x: Array, y: Array) -> None:
    """y += x @ w: several bytes share one reading of the matrix, and several of its rows one writing of y."""
    t, T = 0, x.shape[0]
    while t + TOGETHER <= T:
        four_bytes(w, x[t : t + TOGETHER], y[t : t + TOGETHER])
        t += TOGETHER
    while t < T:
        one_byte(w, x[t], y[t])
        t += 1


def one_byte(w: Array, x: Array, y: Array) -> None:
    K, R = w.shape
    k, whole = 0, K // 8 * 8
    while k < whole:
        a, b, c, d, e, f, g, h = x[k], x[k + 1], x[k + 2], x[k + 3], x[k + 4], x[k + 5], x[k + 6], x[k + 7]
        for r in range(R):
            left = a * F(w[k, r]) + b * F(w[k + 1, r]) + c * F(w[k + 2, r]) + d * F(w[k + 3, r])
            right = e * F(w[k + 4, r]) + f * F(w[k + 5, r]) + g * F(w[k + 6, r]) + h * F(w[k + 7, r])
            y[r] += left + right
        k += 8
    for k in range(whole, K):
        a = x[k]
        for r in range(R):
            y[r] += a * F(w[k, r])


def four_bytes(w: Array, x: Array, y: Array) -> None:
    K, R = w.shape
    k, whole = 0, K // 4 * 4
    while k < whole:
        a0, a1, a2, a3 = x[0, k], x[0, k + 1], x[0, k + 2], x[0, k + 3]
        b0, b1, b2, b3 = x[1, k], x[1, k + 1], x[1, k + 2], x[1, k + 3]
        c0, c1, c2, c3 = x[2, k], x[2, k + 1], x[2, k + 2], x[2, k + 3]
        d0, d1, d2, d3 = x[3, k], x[3, k + 1], x[3, k + 2], x[3, k + 3]
        for r in range(R):
            w0, w1, w2, w3 = F(w[k, r]), F(w[k + 1, r]), F(w[k + 2, r]), F(w[k + 3, r])
            y[0, r] += a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3
            y[1, r] += b0 * w0 + b1 * w1 + b2 * w2 + b3 * w3
            y[2, r] += c0 * w0 + c1 * w1 + c2 * w2 + c3 * w3
            y[3, r] += d0 * w0 + d1 * w1 + d2 * w2 + d3 * w3
        k += 4
    for k in range(whole, K):
        for t in range(TOGETHER):
            for r in range(R):
                y[t, r] += x[t, k] * F(w[k, r])
