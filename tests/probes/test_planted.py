"""A rule is planted in a text and learned; what finds it, and what finds nothing where there is none."""

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.nn import functional as F

from probes.ablation import ablation_map
from probes.roles import ROLES, roles
from tilelli.base import ByteLM, build
from tilelli.config import ModelConfig, TrainingConfig
from tilelli.trace import trace
from tilelli.training.optimizer import make_optimizer

BACK = 7  # a letter comes again after so many bytes; the local pathway sees three
CONTEXT = 48
CONFIG = ModelConfig(
    d_model=32,
    n_blocks=1,
    n_heads=2,
    head_dim=16,
    top_k=4,
    kernel_size=3,
    expand=1.0,
    context=CONTEXT,
    ternary=(),
    mix_scale=3.0,
)


def letters(rows: int, length: int, planted: bool, seed: int) -> Tensor:
    """(rows, length): random letters; where the rule is planted, nine in ten repeat the one 7 bytes before."""
    generator = torch.Generator().manual_seed(seed)
    ids = torch.randint(97, 113, (rows, length), generator=generator)
    new = torch.rand(rows, length, generator=generator) < 0.1
    for t in range(BACK, length if planted else 0):
        ids[:, t] = torch.where(new[:, t], ids[:, t], ids[:, t - BACK])
    return ids


def learn(planted: bool, steps: int) -> ByteLM:
    torch.manual_seed(0)
    model = build(CONFIG)
    optimizer = make_optimizer(model, TrainingConfig(optimizer="muon", learning_rate=1e-2, weight_decay=0.0))
    for step in range(steps):
        ids = letters(32, CONTEXT, planted, seed=step)
        logits, _ = model(ids[:, :-1])
        F.cross_entropy(logits.flatten(0, 1), ids[:, 1:].flatten()).backward()
        optimizer.step()
        optimizer.zero_grad()
    return model.eval().requires_grad_(False)


@pytest.fixture(scope="module")
def learned() -> ByteLM:
    return learn(planted=True, steps=110)


def cost(model: ByteLM, planted: bool) -> dict[str, float]:
    """What removing each pathway costs in bits per byte, on a text that was not trained on."""
    cells = ablation_map(model, bytes(letters(1, 600, planted, seed=10_000)[0].tolist())).cells
    return dict(zip(cells["pathway"], cells["change"], strict=True))


def test_the_roles_name_the_heads_that_carry_the_rule_and_the_distance(learned: ByteLM) -> None:
    found = roles(trace(learned, letters(8, CONTEXT, True, seed=10_001)))
    carries = found.named[list(ROLES).index("offset"), 0]
    assert carries.any()
    assert set(found.offset[0, carries].tolist()) == {BACK - 1}  # from the byte that looks; 7 from the one it guesses
    assert any("looks 6 bytes back, 7 before the byte to be guessed" in sentence for sentence in found.findings)
    assert not found.named[[list(ROLES).index(name) for name in ("previous", "same", "first")]].any()


def test_the_ablation_map_finds_the_pathway_that_carries_it(learned: ByteLM) -> None:
    costs = cost(learned, planted=True)
    assert costs["sparse"] > 1.5
    assert costs["sparse"] > 3 * max(costs["local"], costs["dense"])


def test_where_there_is_no_rule_nothing_hangs_on_attention_and_no_head_follows_one() -> None:
    model = learn(planted=False, steps=30)
    assert abs(cost(model, planted=False)["sparse"]) < 0.1
    found = roles(trace(model, letters(1, CONTEXT, False, seed=10_001)))
    assert not found.named[: list(ROLES).index("first")].any()  # the start is where idle attention may come to rest


@pytest.mark.parametrize(("texts", "most"), [(1, 0.05), (8, 0.1)])  # texts share positions, and narrow the intervals
def test_in_untrained_models_nothing_is_found_even_in_the_planted_text(texts: int, most: float) -> None:
    text, above, asked = letters(texts, CONTEXT, True, seed=10_001), 0, 0
    for seed in range(20):
        torch.manual_seed(seed)
        found = roles(trace(build(CONFIG).eval(), text))
        assert not found.named.any()
        above, asked = above + int((found.low > 0).sum()), asked + int((~np.isnan(found.low)).sum())
    assert asked >= 150
    assert above / asked < most  # 2.5 % are expected there by chance
