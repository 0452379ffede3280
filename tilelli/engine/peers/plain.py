"""The NumPy engine; its threads are those of the library behind NumPy."""

from collections.abc import Iterator, Sequence

from tilelli.engine import plain
from tilelli.engine.peers import Write
from tilelli.sampling import Sampling


def missing() -> str:
    return ""


def load(checkpoint: str, threads: int) -> Write:
    model = plain.load(checkpoint)

    def write(prompt: Sequence[int], number: int) -> Iterator[int]:
        sampling = Sampling(max_new=number, temperature=0, stop_at_end=False)
        return (step.byte for step in plain.stream(model, prompt, sampling))

    return write
