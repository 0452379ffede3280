"""The compiled engine."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec

from tilelli.engine.peers import Write
from tilelli.sampling import Sampling


def missing() -> str:
    return "" if find_spec("numba") else "numba is not installed"


def load(model: str, threads: int) -> Write:
    from tilelli.engine import compiled
    from tilelli.engine.compiler import MACHINE

    loaded = compiled.load(model, threads)
    MACHINE.code()

    def write(prompt: Sequence[int], number: int, say: Callable[[int], None]) -> None:
        sampling = Sampling(max_new=number, temperature=0, stop_at_end=False)
        for step in compiled.stream(loaded, prompt, sampling):
            say(step.byte)

    return write
