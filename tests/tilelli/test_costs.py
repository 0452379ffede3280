import numpy as np
import pytest

from tests.conftest import TINY
from tilelli.base import ByteLM
from tilelli.config import PATHWAYS, ModelConfig
from tilelli.costs import cost_shares, costs


def test_multiply_adds_by_hand() -> None:
    config = ModelConfig(d_model=10, n_heads=2, head_dim=3, top_k=4, kernel_size=5, expand=2.0, context=16)
    found = {part: cost.tolist() for part, cost in costs(config, np.array([0, 9])).items()}
    assert found["local"] == [50, 50]  # 10 channels, 5 taps
    assert found["dense"] == [400, 400]  # 10 x 20 and back
    assert found["remembering"] == [120, 120]  # keys and values, 10 x 6 each
    assert found["sparse"] == [120 + 6 * (1 + 1), 120 + 6 * (10 + 4)]  # query, output; scores of all, a sum over 4


def test_costs_are_the_sizes_of_the_models_own_matrices(routed: ByteLM) -> None:
    found, block = costs(TINY, np.array([0])), routed.blocks[0]
    matrices = {name: sum(p.numel() for p in getattr(block, name).parameters() if p.ndim == 2) for name in PATHWAYS}
    attention = TINY.n_heads * TINY.head_dim * 2  # one score and one value
    assert found["local"][0] == matrices["local"]
    assert found["dense"][0] == matrices["dense"]
    assert found["sparse"][0] + found["remembering"][0] - attention == matrices["sparse"]


def test_shares_are_of_what_the_router_decides_about() -> None:
    config = ModelConfig(d_model=8, n_heads=2, head_dim=4, top_k=4, kernel_size=3, expand=2, context=16)
    whole = 24 + (128 + 8 * (9 + 4)) + 256
    assert cost_shares(config) == pytest.approx((24 / whole, 232 / whole, 256 / whole))
    assert cost_shares(ModelConfig(pathways=("dense",))) == (0, 0, 1)
