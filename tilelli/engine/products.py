"""Kernels: a matrix of floats or of trits at 2 bits times the streams of one byte or of several, which are floats.

A matrix stands turned round, (K, R) for R outputs: its outputs lie side by side and are added up side by side, so that
many go through at once on any processor, and that threads may share them out. See `matrix.py`.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
F = np.float32
U = np.uint64  # of an index: numba then knows that it does not count from the end, and many go through at once
TOGETHER = 4  # bytes that share one reading of a matrix
WORD = 16  # trits in a word
SHRINK = 0.25 ** np.arange(8, dtype=F)


def multiply_trits(words: Array, x: Array, y: Array, first: int, last: int) -> None:
    """y += x @ trits for the outputs from `first` to `last`; x as `prepare` lays it out."""
    if x.shape[0] < TOGETHER:
        for t in range(x.shape[0]):
            trits_one(words, x[t], y[t], first, last)
    else:
        trits_many(words, x, y, first, last)


def prepare(words: Array, x: Array, room: Array) -> int:
    """Lays out streams x (T, K), one behind another, as `multiply_trits` takes them: filled up with zeros, or shrunk,
    with sums behind. Gives how many numbers each became; `room` must hold them all."""
    T, K = x.shape
    inputs = WORD * words.shape[0]
    width: int = inputs if T >= TOGETHER else inputs + 2 * words.shape[0]
    for t in range(T):
        own = room[t * width : (t + 1) * width]
        own[:] = F(0)
        for k in range(K):
            own[k] = x[t, k] if T >= TOGETHER else x[t, k] * SHRINK[k % 8]
        for k in range(K if T < TOGETHER else 0):
            own[inputs + k // 8] += x[t, k]
    return width


def trits_one(words: Array, shrunk: Array, y: Array, first: int, last: int) -> None:
    """The same for one byte, from 2 bits a trit.

    A code of 0, 1 or 2 is not shifted into place but taken where it stands, 4^j too large, and met by an x that is 4^j
    too small: both are exact. Codes being trits plus one, the sum of x is taken off, eight by eight.
    """
    sums = shrunk[WORD * words.shape[0] :]
    for k in range(words.shape[0]):
        for r in range(U(first), U(last)):
            bits, part = words[k, r], -sums[2 * k]
            for j in range(8):
                part += shrunk[WORD * k + j] * F(np.int32(bits & np.uint32(3 << 2 * j)))
            y[r] += part
        for r in range(U(first), U(last)):
            bits, part = words[k, r] >> np.uint32(16), -sums[2 * k + 1]
            for j in range(8):
                part += shrunk[WORD * k + 8 + j] * F(np.int32(bits & np.uint32(3 << 2 * j)))
            y[r] += part


def trits_many(words: Array, x: Array, y: Array, first: int, last: int) -> None:
    """The same for several bytes: a few rows at a time become floats, which all bytes then share."""
    rows = np.empty((WORD, words.shape[1]), F)
    for k in range(words.shape[0]):
        for j in range(WORD):
            for r in range(U(first), U(last)):
                rows[j, r] = F(np.int32(words[k, r] >> np.uint32(2 * j) & np.uint32(3))) - F(1)
        accumulate(rows, x[:, WORD * k : WORD * (k + 1)], y, first, last)


def accumulate(w: Array, x: Array, y: Array, first: int, last: int) -> None:
    """y += x @ w for the outputs from `first` to `last`.

    Several bytes share one reading of the matrix, and several of its rows one writing of y.
    """
    t, T = 0, x.shape[0]
    while t + TOGETHER <= T:
        four_bytes(w, x[t : t + TOGETHER], y[t : t + TOGETHER], first, last)
        t += TOGETHER
    while t < T:
        one_byte(w, x[t], y[t], first, last)
        t += 1


def one_byte(w: Array, x: Array, y: Array, first: int, last: int) -> None:
    K = len(w)
    k, whole = 0, K // 8 * 8
    while k < whole:
        a, b, c, d, e, f, g, h = x[k], x[k + 1], x[k + 2], x[k + 3], x[k + 4], x[k + 5], x[k + 6], x[k + 7]
        for r in range(U(first), U(last)):
            left = a * F(w[k, r]) + b * F(w[k + 1, r]) + c * F(w[k + 2, r]) + d * F(w[k + 3, r])
            right = e * F(w[k + 4, r]) + f * F(w[k + 5, r]) + g * F(w[k + 6, r]) + h * F(w[k + 7, r])
            y[r] += left + right
        k += 8
    for k in range(whole, K):
        a = x[k]
        for r in range(U(first), U(last)):
            y[r] += a * F(w[k, r])


def four_bytes(w: Array, x: Array, y: Array, first: int, last: int) -> None:
    K = len(w)
    k, whole = 0, K // 4 * 4
    while k < whole:
        a0, a1, a2, a3 = x[0, k], x[0, k + 1], x[0, k + 2], x[0, k + 3]
        b0, b1, b2, b3 = x[1, k], x[1, k + 1], x[1, k + 2], x[1, k + 3]
        c0, c1, c2, c3 = x[2, k], x[2, k + 1], x[2, k + 2], x[2, k + 3]
        d0, d1, d2, d3 = x[3, k], x[3, k + 1], x[3, k + 2], x[3, k + 3]
        for r in range(U(first), U(last)):
            w0, w1, w2, w3 = F(w[k, r]), F(w[k + 1, r]), F(w[k + 2, r]), F(w[k + 3, r])
            y[0, r] += a0 * w0 + a1 * w1 + a2 * w2 + a3 * w3
            y[1, r] += b0 * w0 + b1 * w1 + b2 * w2 + b3 * w3
            y[2, r] += c0 * w0 + c1 * w1 + c2 * w2 + c3 * w3
            y[3, r] += d0 * w0 + d1 * w1 + d2 * w2 + d3 * w3
        k += 4
    for k in range(whole, K):
        for t in range(TOGETHER):
            for r in range(U(first), U(last)):
                y[t, r] += x[t, k] * F(w[k, r])
