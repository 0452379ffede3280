"""What the kernels ask of a processor beyond arithmetic, as Python says it: shared counters, bits, arrays by address.

Compiled, `instructions.py` says the same in machine code. See `kernels.py`.
"""

import ctypes
from typing import Any

import numpy as np

from tilelli.engine.products import Array


def load(board: Array, place: int) -> int:
    """The number at that place, which other threads may change."""
    return int(board[place])


def add(board: Array, place: int, number: int) -> int:
    """Add to the number at that place in one stroke; what was there before."""
    before = int(board[place])
    board[place] += number
    return before


def wait(turn: int) -> None:
    """A moment, in the `turn`th turn of a loop that waits for another thread: the longer it takes, the more of them."""


def fetch(address: int, size: int) -> None:
    """Have so many bytes brought near, which will soon be read, without waiting for them."""


def float_of(bits: Any) -> Any:
    """The float32 that these 32 bits are."""
    return np.int32(bits).view(np.float32)


def bits_of(number: Any) -> Any:
    """The 32 bits of a float32, as int32."""
    return np.float32(number).view(np.int32)


def floats_at(address: int, shape: tuple[int, ...]) -> Array:
    """The float32 array that begins there; whoever names the address keeps it alive."""
    return _at(ctypes.c_float, address, shape)


def words_at(address: int, shape: tuple[int, ...]) -> Array:
    """The same of uint32."""
    return _at(ctypes.c_uint32, address, shape)


def sums_at(address: int, shape: tuple[int, ...]) -> Array:
    """The same of int32."""
    return _at(ctypes.c_int32, address, shape)


def steps_at(address: int, shape: tuple[int, ...]) -> Array:
    """The same of int8."""
    return _at(ctypes.c_int8, address, shape)


def bytes_at(address: int, shape: tuple[int, ...]) -> Array:
    """The same of uint8."""
    return _at(ctypes.c_uint8, address, shape)


def numbers_at(address: int, shape: tuple[int, ...]) -> Array:
    """The same of int64."""
    return _at(ctypes.c_int64, address, shape)


def _at(kind: Any, address: int, shape: tuple[int, ...]) -> Array:
    return np.ctypeslib.as_array((kind * int(np.prod(shape))).from_address(int(address))).reshape(shape)
