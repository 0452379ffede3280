"""Which engine writes: one switch for the command line and the app, and the same text whatever it says.

`auto` begins at once with the engine that is quickest to start, NumPy, and hands over to the compiled one as soon as
there is machine code, in the middle of a text if need be. What only torch can do, torch does.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from itertools import count
from typing import TYPE_CHECKING, Any

from tilelli.errors import CheckpointError, InputError
from tilelli.header import SPLICE
from tilelli.interventions import parse
from tilelli.sampling import Sampling, Written, until

if TYPE_CHECKING:
    from tilelli.engine.arrays import Compiled
    from tilelli.engine.plain import Plain

ENGINES = ("auto", "torch", "numba", "numpy")


@dataclass
class Voice:
    """A checkpoint that writes.

    Attributes:
        stream: the continuation of a prompt; see `tilelli.generation.stream`.
        engines: which engines have computed so far, each with the byte of the text, from 0, at which it took over.
    """

    stream: Callable[[Sequence[int], Sampling], Iterator[Written]]
    engines: list[tuple[str, int]] = field(default_factory=list)

    def said(self) -> str:
        """Which engine spoke, as a line."""
        return ", ".join(f"{name} from byte {place} on" if place else name for name, place in self.engines) or "none"


def voice(checkpoint: str, engine: str = "auto", intervene: str = "", threads: int | None = None) -> Voice:
    """A checkpoint that writes with `engine`, its routers changed as `intervene` says.

    `threads` compute at once, with numba and torch; None means one with numba, and leaves it to torch.

    Raises:
        CheckpointError: as for any checkpoint.
        InputError: the engine is not here, or cannot do what is asked.
    """
    if threads is not None and threads < 1:
        raise InputError("There is no such number of threads", str(threads), "Use --threads 1 or more.")
    if engine == "auto":
        return _chosen(checkpoint, intervene, threads)
    if engine == "torch":
        return _torch(checkpoint, intervene, threads)
    if engine == "numba":
        return _numba(checkpoint, intervene, threads or 1)
    if intervene.strip():
        raise InputError("The NumPy engine takes no interventions", intervene[:60], "Use --engine torch.")
    return _numpy(checkpoint)


def skips_only(intervene: str) -> bool:
    """Whether these interventions are such as the compiled engine can do: leave out what weighs little.

    Raises:
        InputError: they are none.
    """
    return all(each.action == "skip" for each in parse(intervene))


def compiled_before() -> bool:
    """Whether the numba engine starts without compiling; true as well where it cannot start, which says so itself."""
    from tilelli.engine.compiler import MACHINE, cached

    try:
        return MACHINE.ready() or cached()
    except (ImportError, OSError, RuntimeError):
        return True


def _chosen(checkpoint: str, intervene: str, threads: int | None) -> Voice:
    """Torch for what only torch can do, and where numba is missing; NumPy where torch is; both others else."""
    torch = find_spec("torch") is not None
    if torch and (intervene.strip() or SPLICE in checkpoint or not find_spec("numba")):
        return _torch(checkpoint, intervene, threads)
    if intervene.strip() or not find_spec("numba"):
        return voice(checkpoint, "numpy", intervene)
    try:
        return _handed_over(checkpoint, threads or 1)
    except CheckpointError:  # numbers that NumPy does not know, or torch knows better what is wrong
        if not torch:
            raise
        return _torch(checkpoint, intervene, threads)


def _torch(checkpoint: str, intervene: str, threads: int | None) -> Voice:
    import torch

    from tilelli.base import ByteLM
    from tilelli.checkpoint import load
    from tilelli.generation import stream

    if threads is not None:
        torch.set_num_threads(threads)
    model, changes = load(checkpoint, ByteLM), parse(intervene)
    return Voice(lambda ids, sampling: stream(model, ids, sampling, interventions=changes), [("torch", 0)])


def _numpy(checkpoint: str) -> Voice:
    from tilelli.engine.plain import load, stream

    model = load(checkpoint)
    return Voice(lambda ids, sampling: stream(model, ids, sampling), [("numpy", 0)])


def _numba(checkpoint: str, intervene: str, threads: int) -> Voice:
    from tilelli.engine.compiled import load, stream
    from tilelli.engine.compiler import MACHINE

    model = load(checkpoint, threads, parse(intervene))
    MACHINE.code()
    return Voice(lambda ids, sampling: stream(model, ids, sampling), [("numba", 0)])


def _handed_over(checkpoint: str, threads: int) -> Voice:
    """NumPy first, machine code as soon as there is some."""
    from tilelli.engine import compiled, plain
    from tilelli.engine.compiler import MACHINE

    MACHINE.begin()
    first, then, engines = plain.load(checkpoint), compiled.load(checkpoint, threads), list[tuple[str, int]]()

    def stream(ids: Sequence[int], sampling: Sampling) -> Iterator[Written]:
        return handed_over(first, then, ids, sampling, MACHINE.ready, engines)

    return Voice(stream, engines)


def handed_over(
    first: "Plain",
    then: "Compiled",
    ids: Sequence[int],
    sampling: Sampling,
    ready: Callable[[], bool],
    engines: list[tuple[str, int]],
) -> Iterator[Written]:
    """A text that `first` writes until `ready`, then `then`, which reads again what is there; tells `engines`."""
    from tilelli.engine import compiled, plain
    from tilelli.engine.writing import Text, written

    text = Text[Any](first.config.context, ids, sampling)

    def going_on() -> Iterator[Written]:
        by_numpy = written(partial(plain.read, first), text)
        for place in count():
            name = "numba" if ready() else "numpy"
            if not engines or engines[-1][0] != name:
                engines.append((name, place))
            if name == "numba":
                text.forget()
                yield from compiled.written(then, text)
                return
            if (step := next(by_numpy, None)) is None:
                return
            yield step

    return until(sampling.stop, going_on())
