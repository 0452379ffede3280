"""The model as it is trained, in PyTorch, with its cache."""

from collections.abc import Callable, Sequence
from importlib.util import find_spec

from tilelli.engine.peers import Write
from tilelli.sampling import Sampling


def missing() -> str:
    return "" if find_spec("torch") else "torch is not installed"


def load(model: str, threads: int) -> Write:
    import torch

    from tilelli.base import ByteLM
    from tilelli.checkpoint import load as load_model
    from tilelli.generation import stream

    torch.set_num_threads(threads)
    loaded = load_model(model, ByteLM)

    def write(prompt: Sequence[int], number: int, say: Callable[[int], None]) -> None:
        sampling = Sampling(max_new=number, temperature=0, stop_at_end=False)
        for step in stream(loaded, prompt, sampling):
            say(step.byte)

    return write
