"""The engines that `bench` sets side by side, one module each.

A peer is a module with `missing()`, which says what it lacks to run here, or nothing; and `load(checkpoint, threads)`,
which gives a function from a prompt and a number of bytes to the bytes that are likeliest one after another, as they
are made. To add one, write such a module and name it here; it runs in a process of its own.
"""

from collections.abc import Callable, Iterator, Sequence
from importlib import import_module
from typing import Protocol, cast

PEERS = ("numba", "numpy", "torch")
MODULES = {"numba": "compiled", "numpy": "plain", "torch": "pytorch"}
Write = Callable[[Sequence[int], int], Iterator[int]]


class Peer(Protocol):
    def missing(self) -> str: ...
    def load(self, checkpoint: str, threads: int) -> Write: ...


def peer(name: str) -> Peer:
    """The module of that name."""
    return cast(Peer, import_module(f"tilelli.engine.peers.{MODULES[name]}"))
