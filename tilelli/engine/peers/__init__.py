"""The engines that `bench` sets side by side, one module each.

Some run the checkpoint itself. The others cannot read it, being made for other architectures: they run a **stand-in**,
a model of as many parameters with random weights, in an environment of their own (`install.py`). A peer is a module
with `missing()`, which says what it lacks to run here, or nothing; and `load(model, threads)`, which gives a function
that says the likeliest bytes after a prompt, one after another, as they are made. One with stand-ins has `make` too. To
add one, write such a module and name it here; it runs in a process of its own.
"""

from collections.abc import Callable, Sequence
from importlib import import_module
from pathlib import Path
from typing import NamedTuple, Protocol, cast

PEERS = ("numba", "numpy", "torch", "llama.cpp", "hf")
KINDS = tuple(f"llama.cpp:{kind}" for kind in ("TQ2_0", "TQ1_0", "Q2_0", "Q4_0", "Q8_0", "F32"))
"""The same engine with another of its types of numbers; by itself it is its fastest ternary one."""
MODULES = {"numba": "compiled", "numpy": "plain", "torch": "pytorch", "llama.cpp": "llamacpp", "hf": "transformers"}
APART = ("llama.cpp", "hf")
"""Those with stand-ins, each in an environment of its own."""
Write = Callable[[Sequence[int], int, Callable[[int], None]], None]
"""A prompt, how many bytes to write, and what is told each of them."""


class Model(NamedTuple):
    """What a peer runs: a file or folder, and what kind of stand-in it is; nothing is said of the checkpoint itself."""

    path: str
    said: str = ""


class Peer(Protocol):
    def missing(self) -> str: ...
    def load(self, model: str, threads: int) -> Write: ...


class PeerApart(Peer, Protocol):
    def make(self, kind: str, parameters: int, places: int, folder: Path) -> Model: ...


def engine(name: str) -> str:
    """The engine behind a name: `llama.cpp` behind `llama.cpp:Q4_0`."""
    return name.partition(":")[0]


def peer(name: str) -> Peer:
    """The module of that name."""
    return cast(Peer, import_module(f"tilelli.engine.peers.{MODULES[engine(name)]}"))


def make(name: str, parameters: int, places: int, folder: Path) -> Model:
    """A stand-in for a model of so many parameters, with room for a text of `places` bytes, somewhere in a folder.

    Raises:
        InputError: it cannot be made.
    """
    return cast(PeerApart, peer(name)).make(name.partition(":")[2], parameters, places, folder)
