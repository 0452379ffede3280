"""The compiled engine."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from tilelli.engine.peers import Write
from tilelli.sampling import Sampling


def missing() -> str:
    return "" if find_spec("numba") else "numba is not installed"


def load(checkpoint: str, threads: int) -> Write:
    from tilelli.engine import compiled
    from tilelli.engine.compiler import MACHINE

    model = compiled.load(checkpoint, threads)
    MACHINE.code()

    def write(prompt: Sequence[int], number: int) -> Iterator[int]:
        sampling = Sampling(max_new=number, temperature=0, stop_at_end=False)
        return (step.byte for step in compiled.stream(model, prompt, sampling))

    return write
