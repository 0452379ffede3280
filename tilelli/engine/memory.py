"""The memory of conversations for the compiled engine: what each has read, and who may write behind it.

The kernels are told where it lies and how large it is, and check nothing: that is proved here.
"""

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from tilelli.config import ModelConfig
from tilelli.engine.attention import LANES, POSITION, QUAD, TILE, filled
from tilelli.engine.helpers import board
from tilelli.engine.products import Array
from tilelli.errors import InputError
from tilelli.layout import attends_in_steps

ROOM = 512  # positions that a new memory has room for, a multiple of `TILE`; doubled as the text grows


class Memory(NamedTuple):
    """What one conversation has read, by position; `S` positions have a place, a multiple of 64."""

    keys: Array  # (L, H, S / 64, head_dim, 64); in steps (L, H, S / 64, head_dim / 4, 64, 4) uint8, 128 added
    values: Array  # (L, H, S, head_dim or the next multiple of 16); in steps int8
    sizes: Array  # (L, H, 2, S) of the steps of keys and values
    inputs: Array  # (L, S, D), of the convolution


class Store:
    """The memory of a conversation, how much of it is written, and a board on which it computes alone.

    States that follow one another share a store, each knowing its own `position` in it. Who goes on from the end writes
    behind it; who goes on from an earlier state, or finds no room, gets a copy. So a state stays what it was.
    """

    def __init__(self, memory: Memory, room: int) -> None:
        self.memory, self.board = memory, board()
        self._where = [*(array.ctypes.data for array in memory), room]
        self._room, self._written, self._lock = room, 0, threading.Lock()

    def claim(self, position: int, end: int) -> bool:
        """Whether the places from `position` to `end` are free, and if so, no longer."""
        with self._lock:
            free = position == self._written and end <= self._room
            if free:
                self._written = end
            return free

    def leave(self, end: int) -> None:
        """Give back the places from `end` on, which were claimed and not filled."""
        with self._lock:
            self._written = end

    def places(self, position: int, end: int) -> Array:
        """What the kernels are told of the bytes from `position` to `end`: (T, 6); see `attention.py`."""
        found = np.empty((end - position, POSITION + 1), np.int64)
        found[:, :POSITION] = self._where
        found[:, POSITION] = np.arange(position, end)
        return found


@dataclass(frozen=True)
class State:
    """Memory of a conversation after `position` bytes."""

    position: int
    store: Store


def claimed(c: ModelConfig, states: Sequence[State | None], sizes: Sequence[int]) -> list[State]:
    """The states after so many bytes more, whose places in memory are still to be filled.

    Raises:
        InputError: a text would run past the context.
    """
    starts = [state.position if state else 0 for state in states]
    ends = [start + size for start, size in zip(starts, sizes, strict=True)]
    if max(ends) > c.context:
        seen = f"{max(ends)} for {c.context} positions"
        raise InputError("The text is longer than the context", seen, "Shorten it.")
    return [
        State(end, state.store if state and state.store.claim(start, end) else _store(c, state, end))
        for state, start, end in zip(states, starts, ends, strict=True)
    ]


def _store(c: ModelConfig, state: State | None, end: int) -> Store:
    """Room for `end` bytes and some more, with what `state` remembers."""
    room, past = ROOM, state.position if state else 0
    while room < end:
        room *= 2
    room = min(room, filled(c.context, TILE))
    attends, local = c.kind == "vanilla" or "sparse" in c.pathways, c.kind == "routed" and "local" in c.pathways
    L, H, W, steps = c.n_blocks if attends else 0, c.n_heads, c.head_dim, attends_in_steps(c)
    tile = (filled(W, QUAD) // QUAD, TILE, QUAD) if steps else (W, TILE)
    memory = Memory(
        keys=np.zeros((L, H, room // TILE, *tile), np.uint8 if steps else np.float32),
        values=np.zeros((L, H, room, filled(W, LANES)), np.int8 if steps else np.float32),
        sizes=np.zeros((L if steps else 0, H, 2, room), np.float32),
        inputs=np.zeros((c.n_blocks if local else 0, room, c.d_model), np.float32),
    )
    if state is not None:
        tiles = -(-past // TILE)
        memory.keys[:, :, :tiles] = state.store.memory.keys[:, :, :tiles]
        memory.values[:, :, :past] = state.store.memory.values[:, :, :past]
        memory.sizes[..., :past] = state.store.memory.sizes[..., :past]
        memory.inputs[:, :past] = state.store.memory.inputs[:, :past]
    store = Store(memory, room)
    store.claim(0, past)
    store.claim(past, end)
    return store
