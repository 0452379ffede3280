import math
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from tilelli.engine.bench import turns
from tilelli.engine.peers import install, llamacpp
from tilelli.engine.peers.shape import llama
from tilelli.errors import InputError


class Told:
    """Stands in for the library: remembers what is read, and always finds the byte after the last one likeliest."""

    def __init__(self, fails: bool = False) -> None:
        self.read, self.settings, self.fails = list[list[int]](), SimpleNamespace(), fails

    def __getattr__(self, name: str) -> Any:
        return lambda *arguments: name

    def llama_context_default_params(self) -> SimpleNamespace:
        return self.settings

    def llama_batch_get_one(self, new: Any, length: int) -> list[int]:
        return list(new)

    def llama_decode(self, context: Any, batch: list[int]) -> int:
        self.read.append(batch)
        return int(self.fails)

    def llama_sampler_sample(self, *_: Any) -> int:
        return (self.read[-1][-1] + 1) % 256


def test_the_prompt_is_read_at_once_and_then_byte_after_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    library, said = Told(), list[int]()
    monkeypatch.setattr(llamacpp, "_library", lambda: library)
    llamacpp.load("model.gguf", 3)(b"ab", 3, said.append)
    assert (library.settings.n_threads, library.settings.n_threads_batch) == (3, 3)
    assert library.read == [[97, 98], [99], [100]]
    assert said == [99, 100, 101]


def test_what_llama_cpp_refuses_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(llamacpp, "_library", lambda: Told(fails=True))
    with pytest.raises(InputError, match=r"llama.cpp does not read on: 2 bytes"):
        llamacpp.load("model.gguf", 1)(b"ab", 1, print)


def test_the_tensors_are_those_of_the_shape_and_all_matrices_ternary() -> None:
    shape = llama(1_432_137)
    tensors = dict(llamacpp._tensors(shape))
    assert sum(math.prod(weights.shape) for weights in tensors.values()) == shape.parameters
    matrices = [weights for weights in tensors.values() if weights.ndim == 2]
    assert all(len(np.unique(np.abs(weights))) == 2 for weights in matrices)
    assert all(weights.shape[1] % 256 == 0 for weights in matrices)


@pytest.mark.skipif(bool(install.missing("llama.cpp")), reason="llama.cpp is not installed")
def test_llama_cpp_writes_and_forgets_what_it_wrote_before() -> None:
    once, again = turns(["llama.cpp"], "tilelli/mini", b"The cat", 24, rounds=1, threads=1)
    assert once.turn["text"] == again.turn["text"]
    assert len(once.turn["text"]) == 24
    assert once.begun["model"].startswith("Llama 256 x 2")
    assert once.begun["model"].endswith("TQ2_0")
    assert once.begun["file"] < 1_443_072  # under 8 bits a weight
