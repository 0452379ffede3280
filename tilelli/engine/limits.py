"""What this machine could do at most: how fast it reads weights, and how fast it multiplies with them.

To write a byte, every weight is read once and multiplied with once. So there are two limits to bytes a second, of which
the lower one counts: bytes of weights by the speed of memory, and weights by the speed of the innermost products when
nothing else is done and nothing is waited for. Both are measured, by the engine's own products and by a plain sum over
memory, in loops of machine code that several threads run at once. What else a model does has no part in it: attending,
norms, rounding, choosing. Numba is needed.
"""

import functools
import math
import time
from collections.abc import Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from importlib.util import find_spec
from typing import Any, NamedTuple

import numpy as np

from tilelli.config import ModelConfig
from tilelli.engine import integers, products
from tilelli.engine.integers import SIDE
from tilelli.engine.products import WORD, Array
from tilelli.layout import shapes, ternary

FAR = 2**27  # bytes: no cache of a laptop or of a share of a server holds them
SHORTEST = 5e-3  # seconds that are timed at once
TRIES = 3  # of which the fastest counts: slower is what others took
INPUTS, OUTPUTS = 512, 512  # of the products: 64 KiB of trits
FLOAT_INPUTS, FLOAT_OUTPUTS = 64, 256  # 64 KiB of floats


class Work(NamedTuple):
    """What a byte takes: how many trits and how many other weights it is multiplied with."""

    trits: int
    floats: int

    @property
    def size(self) -> int:
        """Bytes to be read: 2 bits a trit, 4 bytes a float."""
        return self.trits // 4 + 4 * self.floats


class Rates(NamedTuple):
    """What the threads of a machine did together.

    Attributes:
        near, far: bytes read a second, of as many as a model has, and of very many.
        trits, floats: multiply-adds a second with weights that stay near.
    """

    near: float
    far: float
    trits: float
    floats: float


class Limit(NamedTuple):
    """Bytes a second that could be written at most."""

    memory: float
    arithmetic: float

    @property
    def lower(self) -> float:
        return min(self)


def missing() -> str:
    return "" if find_spec("numba") else "numba is not installed"


def work(config: ModelConfig) -> Work:
    """What a byte takes. Of the embedding all rows are read, since it is the head as well; of positions, one."""
    sizes, trits = {name: math.prod(shape) for name, shape in shapes(config).items()}, ternary(config)
    positions = sizes["positions.weight"] - config.d_model
    whole = sum(sizes[name] for name in trits)
    return Work(whole, sum(sizes.values()) - whole - positions)


def limit(work: Work, rates: Rates) -> Limit:
    """What these rates allow for that work."""
    return Limit(rates.near / work.size, 1 / (work.trits / rates.trits + work.floats / rates.floats))


class Gauge:
    """Measures the machine, for a model whose weights are `size` bytes, with so many threads at once."""

    def __init__(self, size: int, threads: int) -> None:
        self._loops, self._threads = loops(), threads
        self._near = [(part,) for part in _shares(max(size, 64 * threads), threads)]
        self._far = [(part,) for part in _shares(FAR, threads)]
        self._trits = [_trits() for _ in range(threads)]
        self._floats = [_floats() for _ in range(threads)]

    def rates(self) -> Rates:
        """What the machine does right now; takes some tenths of a second."""
        read, trits, floats = self._loops
        with ThreadPoolExecutor(self._threads) as pool:
            return Rates(
                _rate(pool, read, self._near, sum(part.nbytes for (part,) in self._near)),
                _rate(pool, read, self._far, sum(part.nbytes for (part,) in self._far)),
                _rate(pool, trits, self._trits, INPUTS * OUTPUTS * len(self._trits)),
                _rate(pool, floats, self._floats, FLOAT_INPUTS * FLOAT_OUTPUTS * len(self._floats)),
            )


def _rate(pool: Executor, loop: Callable[..., Any], each: list[tuple[Any, ...]], amount: int) -> float:
    """How much of something the threads do in a second, which do `amount` of it together at each turn."""
    turns, best = 1, 0.0
    for _ in range(TRIES):
        while (took := _took(pool, loop, each, turns)) < SHORTEST:
            turns *= 2
        best = max(best, turns * amount / took)
    return best


def _took(pool: Executor, loop: Callable[..., Any], each: list[tuple[Any, ...]], turns: int) -> float:
    start = time.perf_counter()
    list(pool.map(lambda own: loop(turns, *own), each))
    return time.perf_counter() - start


@functools.cache
def loops() -> tuple[Callable[..., Any], Callable[..., Any], Callable[..., Any]]:
    """Machine code that does one thing so many times: read (words), multiply trits, multiply floats."""
    import numba

    from tilelli.engine.bytewise import add_up_by, ways

    flags: dict[str, Any] = {"nogil": True, "error_model": "numpy", "boundscheck": False}
    here = ways()
    add_up = numba.njit(add_up_by(here[0]) if here else integers.add_up, **flags)
    one_byte = numba.njit(products.one_byte, fastmath={"reassoc", "contract", "nsz", "arcp"}, **flags)

    def read(turns: int, words: Array) -> int:
        total = 0
        for _ in range(turns):
            for i in range(len(words)):
                total += words[i]
        return total

    def trits(turns: int, words: Array, steps: Array, sums: Array) -> None:
        for _ in range(turns):
            add_up(words, steps, sums, 0, sums.shape[1])

    def floats(turns: int, weights: Array, x: Array, y: Array) -> None:
        for _ in range(turns):
            one_byte(weights, x, y, 0, len(y))

    return numba.njit(read, **flags), numba.njit(trits, **flags), numba.njit(floats, **flags)


def _trits() -> tuple[Array, Array, Array]:
    """Codes, steps and room for sums, as `integers.add_up` takes them."""
    words = _aligned((OUTPUTS // SIDE, INPUTS // WORD * SIDE), np.uint32)
    return words, _aligned((1, INPUTS), np.int8), _aligned((1, OUTPUTS), np.int32)


def _floats() -> tuple[Array, Array, Array]:
    """Weights (K, R), a stream (K,) and room for outputs (R,), as `products.one_byte` takes them."""
    weights, x = _aligned((FLOAT_INPUTS, FLOAT_OUTPUTS), np.float32), _aligned((FLOAT_INPUTS,), np.float32)
    return weights, x, _aligned((FLOAT_OUTPUTS,), np.float32)


def _shares(size: int, threads: int) -> list[Array]:
    """About `size` bytes of numbers in as many parts as there are threads."""
    return [_aligned((size // 8 // threads,), np.int64) for _ in range(threads)]


def _aligned(shape: tuple[int, ...], kind: Any) -> Array:
    """Zeros that begin at the beginning of a cache line, written once, so that the memory is really there."""
    size = math.prod(shape) * np.dtype(kind).itemsize
    room = np.ones(size + 64, np.uint8)
    found: Array = room[-room.ctypes.data % 64 :][:size].view(kind).reshape(shape)
    found[...] = 0
    return found
