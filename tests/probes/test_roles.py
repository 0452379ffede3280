import math

import numpy as np
import pytest
import torch

from probes.roles import CERTAIN, ROLES, Roles, roles
from tests.conftest import MakeModel
from tilelli.base import ByteLM, build
from tilelli.config import ModelConfig
from tilelli.trace import Trace, trace

RULES = list(ROLES)
TEXT = b"Once upon a time there was a little fox who lived at the edge of the wood. Every morning the little fox ran "


def looking(at: torch.Tensor, ids: bytes) -> Trace:
    """One head a row of `at` (H, T): each byte gives all its attention to the one that stands there."""
    keys = at[None, None, :, :, None]
    nothing = torch.zeros(0)
    return Trace(torch.tensor([list(ids)]), nothing, None, keys, torch.ones(keys.shape), nothing)


def followers(ids: bytes) -> Trace:
    """Five heads, each of which does nothing but follow one rule, in the order of `ROLES`."""
    T = len(ids)
    t = torch.arange(T)
    same = torch.tensor([max([s for s in range(i) if ids[s] == ids[i]], default=i) for i in range(T)])
    after = torch.tensor([max([s + 1 for s in range(i - 1) if ids[s] == ids[i]], default=i) for i in range(T)])
    return looking(torch.stack(((t - 1).clamp(min=0), torch.where(t >= 5, t - 5, t), same, after, 0 * t)), ids)


def test_shares_and_chances_worked_by_hand() -> None:
    found = roles(looking(torch.tensor([[0, 0, 0, 2]]), b"aaba"))
    share, chance = (dict(zip(RULES, part[:, 0, 0].tolist(), strict=True)) for part in (found.share, found.chance))
    assert share["previous"] == pytest.approx(2 / 3)  # bytes 1 and 3 of 1, 2, 3
    assert chance["previous"] == pytest.approx((1 / 2 + 1 / 3 + 1 / 4) / 3)
    assert share["same"] == pytest.approx(1 / 2)  # byte 1 looks at an a, byte 3 does not
    assert chance["same"] == pytest.approx((1 / 2 + 2 / 4) / 2)
    assert share["induction"] == pytest.approx(1 / 1)  # byte 3: what followed its a are bytes 1 and 2; byte 1: itself
    assert chance["induction"] == pytest.approx(2 / 4)
    assert share["first"] == pytest.approx(1 / 2)  # of bytes 2 and 3
    assert chance["first"] == 0  # byte 1, the best other
    np.testing.assert_allclose(found.excess, found.share - found.chance)


def test_a_head_that_does_nothing_but_follow_a_rule_is_named_for_it() -> None:
    found = roles(followers(TEXT))
    for number, name in enumerate(RULES):
        assert found.named[number, 0, number], name
    assert found.share[:, 0].diagonal()[[0, 1, 2, 4]] == pytest.approx([1.0] * 4)
    assert found.share[3, 0, 3] > 0.95  # after a double letter there is nothing but the byte itself
    assert found.offset[0, 1] == 5
    assert found.p.max() <= 1


def test_sentences_say_block_head_share_and_interval() -> None:
    said = roles(followers(TEXT)).findings
    assert any("Block 1, head 1 looks at the byte just before: 100 % of its attention where chance" in s for s in said)
    assert any("head 2 looks 5 bytes back, 6 before the byte to be guessed" in s for s in said)
    assert all("95 % interval" in s for s in said)


def test_a_head_that_only_likes_one_letter_follows_no_rule() -> None:
    """`h` looks at its `t` just before, and nothing else looks there: a liking for a letter, not for a place."""
    t = torch.arange(len(TEXT))
    at = torch.where(torch.tensor(list(TEXT)) == ord("h"), (t - 1).clamp(min=0), t)
    assert not roles(looking(at[None], TEXT)).named[RULES.index("previous")].any()


@pytest.mark.parametrize("kind", ["routed", "vanilla"])
def test_in_random_models_nothing_is_named_and_intervals_cover_zero(tiny: MakeModel, kind: str) -> None:
    above = asked = 0
    for seed in range(6):
        torch.manual_seed(seed)
        fresh = build(ModelConfig(kind=kind, d_model=64, n_blocks=2, n_heads=4, head_dim=16, context=128)).eval()
        for model in (fresh, tiny(kind, seed, context=128)):
            found = roles(trace(model, list(TEXT)))
            assert not found.named.any()
            above, asked = above + int((found.low > 0).sum()), asked + int((~np.isnan(found.low)).sum())
    assert asked > 300
    assert above / asked < 0.05  # 2.5 % are expected there by chance


def test_naming_takes_both_certainty_and_size() -> None:
    part = np.array([[[0.5, 0.5, 0.05]]])
    found = Roles(
        part, part, part, part, part, np.array([[[CERTAIN / 2, CERTAIN, CERTAIN / 2]]]), np.zeros((1, 3), int)
    )
    assert found.named.tolist() == [[[True, False, False]]]


@pytest.mark.parametrize("text", [b"x", b"xy", b"xxx", b"abcd", b"\xf0\x9f\xa6\x8a"])
def test_a_text_too_short_to_tell_names_nothing(model: ByteLM, text: bytes) -> None:
    found = roles(trace(model, list(text)))
    assert not found.named.any()
    assert found.findings == ()
    assert len(found.table()) == 5 * 2 * 2


def test_shares_are_shares_and_the_table_has_them_all(model: ByteLM) -> None:
    found = roles(trace(model, list(TEXT[:16])))
    table = found.table()
    assert table["share"].dropna().between(0, 1 + 1e-6).all()
    assert table["chance"].dropna().between(0, 1).all()
    assert set(table.loc[table["offset"].notna(), "role"]) == {"offset"}
    row = table.query("block == 2 and head == 1 and role == 'same'").iloc[0]
    assert row["excess"] == pytest.approx(found.excess[RULES.index("same"), 1, 0])
    assert math.isclose(row["share"] - row["chance"], row["excess"], abs_tol=1e-9)
