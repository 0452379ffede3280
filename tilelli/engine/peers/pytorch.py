"""The model as it is trained, in PyTorch, with its cache."""

from collections.abc import Iterator, Sequence
from importlib.util import find_spec

from tilelli.engine.peers import Write
from tilelli.sampling import Sampling


def missing() -> str:
    return "" if find_spec("torch") else "torch is not installed"


def load(checkpoint: str, threads: int) -> Write:
    import torch

    from tilelli.base import ByteLM
    from tilelli.checkpoint import load as load_model
    from tilelli.generation import stream

    torch.set_num_threads(threads)
    model = load_model(checkpoint, ByteLM)

    def write(prompt: Sequence[int], number: int) -> Iterator[int]:
        sampling = Sampling(max_new=number, temperature=0, stop_at_end=False)
        return (step.byte for step in stream(model, prompt, sampling))

    return write
