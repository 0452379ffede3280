"""What the tests of the engines share: the shapes that models come in, and the kernels in both their forms."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from tilelli.engine import kernels
from tilelli.engine.compiler import MACHINE

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
IDS = np.random.default_rng(0).integers(0, 256, 16).tolist()


@pytest.fixture(params=["machine code", "Python"])
def kernel(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """The kernels that `compiled.read` calls: compiled, or as they are written, where NumPy checks every index."""
    if request.param == "machine code":
        pytest.importorskip("numba")
        return MACHINE.kernel()
    monkeypatch.setattr(MACHINE, "_kernel", kernels.read)
    return kernels.read


@pytest.fixture
def machine_code() -> Callable[..., None]:
    """The kernels compiled; the first run on a machine takes half a minute for that."""
    pytest.importorskip("numba")
    return MACHINE.kernel()
