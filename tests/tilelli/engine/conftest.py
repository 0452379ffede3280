"""What the tests of the engines share: the shapes that models come in, and the kernels in both their forms."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tilelli.engine import kernels, team
from tilelli.engine.compiler import MACHINE, Code

SHAPES: list[dict[str, Any]] = [
    {},
    {"kind": "vanilla"},
    {"kind": "vanilla", "abstain": True, "expand": 0.25},
    {"abstain": True, "through_local": True},
    {"ternary": ()},
    {"ternary": ("sparse",), "mix_scale": 0.5},
    {"ternary": ("dense",), "through_local": True, "top_k": 1},
    {"pathways": ("dense",)},
    {"pathways": ("local",)},
    {"pathways": ("sparse",), "top_k": 16},
    {"pathways": ("dense", "sparse"), "through_local": True, "abstain": True},
    {"pathways": ("local", "dense"), "kernel_size": 1, "through_local": True},
    {"d_model": 6, "n_heads": 3, "head_dim": 5, "expand": 0.5, "kernel_size": 7, "n_blocks": 3},
    {"d_model": 37, "n_heads": 1, "head_dim": 19, "expand": 1.5, "kernel_size": 64, "top_k": 3},
]
STEPPED: list[dict[str, Any]] = [
    {"activation_bits": 8},
    {"activation_bits": 8, "ternary": ("dense",), "through_local": True, "abstain": True},
    {"activation_bits": 8, "ternary": ("sparse", "local"), "top_k": 16, "mix_scale": 0.5},
    {"activation_bits": 8, "d_model": 37, "n_heads": 3, "head_dim": 19, "expand": 2.5, "n_blocks": 3},
]
IDS = np.random.default_rng(0).integers(0, 256, 16).tolist()


def assert_same(found: Any, expected: Any, bits: int = 0, nearness: float = 1e-5) -> None:
    """Two engines agree on logits (T, 256). Where activations are rounded, what they disagree about in the last digit
    may now and then end up as one step more or less, which nothing after it makes good: a few bytes differ a little."""
    largest = max(1, np.abs(expected).max())
    if not bits:
        np.testing.assert_allclose(found, expected, atol=nearness * largest)
        return
    apart = np.abs(found - expected).max(axis=1) / largest
    assert np.median(apart) < nearness
    assert apart.max() < 0.05


@pytest.fixture(params=["machine code", "Python"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The kernels that `compiled.read` calls: compiled, or as they are written, where NumPy checks every index."""
    if request.param == "machine code":
        pytest.importorskip("numba")
        return MACHINE.code().read
    monkeypatch.setattr(MACHINE, "_code", Code(kernels.read, kernels.write, team.assist))
    return kernels.read


@pytest.fixture
def machine_code() -> Callable[..., None]:
    """The kernels compiled; the first run on a machine takes a minute or two for that."""
    pytest.importorskip("numba")
    return MACHINE.code().read
