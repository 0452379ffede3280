"""The NumPy engine; its threads are those of the library behind NumPy."""

from collections.abc import Callable, Sequence

from tilelli.engine import plain
from tilelli.engine.peers import Write
from tilelli.sampling import Sampling


def missing() -> str:
    return ""


def load(model: str, threads: int) -> Write:
    loaded = plain.load(model)

    def write(prompt: Sequence[int], number: int, say: Callable[[int], None]) -> None:
        sampling = Sampling(max_new=number, temperature=0, stop_at_end=False)
        for step in plain.stream(loaded, prompt, sampling):
            say(step.byte)

    return write
