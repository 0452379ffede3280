"""Threads that help the one that computes: a team, lent to one conversation at a time.

A helper sleeps until it is called, then looks out for jobs in machine code (`team.py`) for as long as they come. Nobody
waits for it to wake up. A conversation that finds the team lent, or wants one thread only, computes alone with a board
of its own, and writes the same.
"""

import functools
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import numpy as np

from tilelli.engine.products import Array
from tilelli.engine.team import BOARD, LEAST

WORTH = 20_000  # multiply-adds of floats, most of a microsecond: a smaller job is done before a helper has seen it
PATIENCE = 8000  # turns, some milliseconds: longer than what happens between two bytes


def board() -> Array:
    """A new one, at which nobody looks; it begins at the beginning of a cache line."""
    room = np.zeros(BOARD + 8, np.int64)
    return room[-room.ctypes.data % 64 // 8 :][:BOARD]


class Team:
    """Helpers and their board; `assist` is `team.assist` as machine code."""

    def __init__(self, helpers: int, assist: Callable[[Array, int], None]) -> None:
        self._board, self._assist = board(), assist
        self._board[LEAST] = WORTH
        self._lent, self._calls = threading.Lock(), [threading.Event() for _ in range(helpers)]
        for call in self._calls:
            threading.Thread(target=self._help, args=(call,), name="tilelli-helper", daemon=True).start()

    @contextmanager
    def lent(self, instead: Array) -> Iterator[Array]:
        """The board, with helpers awake or about to be; another one, at which nobody looks, if the team is lent."""
        if not self._lent.acquire(blocking=False):
            yield instead
            return
        try:
            for call in self._calls:
                call.set()
            yield self._board
        finally:
            self._lent.release()

    def _help(self, call: threading.Event) -> None:
        while True:
            call.wait()
            call.clear()
            self._assist(self._board, PATIENCE)


@functools.cache
def team(threads: int) -> Team:
    """The team with which `threads` compute; one serves the whole process.

    Raises:
        InputError: there is no machine code for it.
    """
    from tilelli.engine.compiler import MACHINE

    return Team(threads - 1, MACHINE.code().assist)
