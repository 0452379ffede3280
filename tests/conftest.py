"""What the tests share: tiny models with weights large enough to disagree, and a short text to learn."""

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from hypothesis import settings

from tilelli.base import ByteLM, build
from tilelli.config import ModelConfig

torch.set_num_threads(1)
settings.register_profile("tilelli", max_examples=25, deadline=None, derandomize=True, database=None)
settings.load_profile("tilelli")

TINY = ModelConfig(
    d_model=16,
    n_blocks=2,
    n_heads=2,
    head_dim=8,
    top_k=4,
    kernel_size=3,
    expand=2.0,
    context=16,
    ternary=("local", "sparse", "dense"),
    mix_scale=3.0,
)
TEXT = "The cat sat on the mat, and the dog sat on the cat. Then the mat was flat, and that was that.\n"
MakeModel = Callable[..., ByteLM]


def random_model(kind: str = "routed", seed: int = 0, **changes: object) -> ByteLM:
    """A tiny model whose every parameter is random: nothing is zero, so that nothing can hide behind a zero."""
    model = build(ModelConfig.from_dict(TINY.to_dict() | {"kind": kind} | changes))
    generator = torch.Generator().manual_seed(seed)
    with torch.no_grad():
        for name, parameter in model.named_parameters():
            size = 1.0 if name.startswith("positions") else 0.4
            parameter.copy_(size * torch.randn(parameter.shape, generator=generator))
    return model.eval().requires_grad_(False)


@pytest.fixture(autouse=True)
def seeded() -> None:
    """Every test begins at the same place of torch's global randomness."""
    torch.manual_seed(0)


@pytest.fixture(scope="session")
def tiny() -> MakeModel:
    """Makes tiny random models; settings of `ModelConfig` may be changed by name."""
    return random_model


@pytest.fixture(scope="session", params=["routed", "vanilla"])
def model(request: pytest.FixtureRequest) -> ByteLM:
    """A tiny random model of either kind; shared, so only to be read."""
    return random_model(request.param)


@pytest.fixture(scope="session")
def routed() -> ByteLM:
    """A tiny random routed model with all three parts ternary; shared, so only to be read."""
    return random_model("routed")


@pytest.fixture(scope="session")
def vanilla() -> ByteLM:
    """A tiny random vanilla model; shared, so only to be read."""
    return random_model("vanilla")


@pytest.fixture
def text_file(tmp_path: Path) -> Path:
    """About five thousand bytes of easy English."""
    path = tmp_path / "text.txt"
    path.write_text(TEXT * 50, encoding="utf-8")
    return path
