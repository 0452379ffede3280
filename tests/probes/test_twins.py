import numpy as np
import pytest
import torch

from probes.routing import from_trace
from probes.twins import MOST_BYTES, attention, between, routing_difference, unlike
from tests.conftest import TEXT, MakeModel
from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.trace import Trace, trace

IDS = list(TEXT.encode()[:16])


def attending(kept: list[list[list[int]]], weights: list[list[list[float]]]) -> Trace:
    """One block, one text: (H, T, K) keys and weights."""
    keys, held = torch.tensor(kept)[None, None], torch.tensor(weights)[None, None]
    T = keys.shape[3]
    none = torch.zeros(1, T)
    return Trace(none.long(), torch.zeros(1, T, 256), None, keys, held, torch.stack([none, none]))


def test_a_model_is_its_own_twin_in_everything(routed: ByteLM) -> None:
    found = between(routed, routed, TEXT.encode())
    assert found.routing is not None
    assert not found.routing.elsewhere.any()
    assert (found.routing.shares["difference"] == 0).all()
    assert found.attention["kept"].tolist() == pytest.approx([1.0] * 4)
    assert found.attention["attention"].tolist() == pytest.approx([1.0] * 4, abs=1e-5)
    assert found.attention["most"].tolist() == pytest.approx([1.0] * 4)
    assert "the same weights, to the last bit" in found.findings[-1]


def test_shared_keys_and_attention_by_hand() -> None:
    # Two places, so the third byte is the first that chooses: 2 of 3, then 2 of 4.
    one = attending([[[0, 0], [0, 1], [0, 1], [2, 3]]], [[[1, 0], [0.5, 0.5], [0.5, 0.5], [0.75, 0.25]]])
    other = attending([[[0, 0], [1, 0], [1, 2], [3, 2]]], [[[1, 0], [0.9, 0.1], [0.6, 0.4], [0.5, 0.5]]])
    row = attention(one, other).iloc[0]
    assert row["kept"] == pytest.approx((1 / 2 + 2 / 2) / 2)
    assert row["chance"] == pytest.approx((2 / 3 + 2 / 4) / 2)
    assert row["attention"] == pytest.approx(((0.1 + 0.5) + 0.5 + (0.5 + 0.25)) / 3)
    assert (row["block"], row["head"], row["most_head"]) == (1, 1, 1)


def test_a_text_that_leaves_no_choice_has_no_shared_choice() -> None:
    one = attending([[[0, 0], [0, 1]]], [[[1, 0], [0.5, 0.5]]])
    row = attention(one, one).iloc[0]
    assert np.isnan(row[["kept", "chance", "most", "most_head"]].astype(float)).all()
    assert row["attention"] == pytest.approx(1)


def test_the_most_alike_head_is_found_where_heads_have_changed_places(routed: ByteLM) -> None:
    seen = trace(routed, IDS)
    swapped = Trace(
        seen.ids, seen.probabilities, seen.router_weights, seen.kept_keys.flip(2), seen.kept_weights.flip(2),
        seen.residual_norms,
    )  # fmt: skip
    table = attention(seen, swapped)
    assert table["most_head"].tolist() == [2, 1, 2, 1]
    assert table["most"].tolist() == pytest.approx([1.0] * 4)
    assert (table["kept"] < 1).all()


def test_heads_that_keep_at_random_share_what_chance_gives(tiny: MakeModel) -> None:
    random = np.random.default_rng(0)
    H, T, K = 8, 200, 8

    def guess() -> Trace:
        keys = [[random.permutation(max(q + 1, K))[:K].tolist() for q in range(T)] for _ in range(H)]
        return attending(keys, np.full((H, T, K), 1 / K).tolist())

    table = attention(guess(), guess())
    assert table["kept"].mean() == pytest.approx(table["chance"].mean(), rel=0.05)


def test_heads_that_look_everywhere_alike_share_what_chance_gives() -> None:
    T = 40
    keys = [[list(range(T)) for _ in range(T)]]
    weights = [[[1 / (q + 1)] * (q + 1) + [0.0] * (T - q - 1) for q in range(T)]]
    row = attention(attending(keys, weights), attending(keys, weights)).iloc[0]
    assert row[["attention", "attention_chance"]].tolist() == pytest.approx([1, 1])
    previous = [[[max(q - 1, 0)] for q in range(T)]]
    row = attention(attending(previous, [[[1.0]] * T]), attending(previous, [[[1.0]] * T])).iloc[0]
    assert row["attention"] == 1
    assert row["attention_chance"] == pytest.approx(np.mean([1 / (q + 1) for q in range(1, T)]), abs=0.12)


def test_routing_differs_by_what_was_done_to_it(routed: ByteLM) -> None:
    plain, changed = (from_trace(trace(routed, IDS, changes)) for changes in ((), _force_dense()))
    found = routing_difference(plain, changed)
    dense = found.shares[(found.shares["pathway"] == "dense") & (found.shares["block"] == 2)].iloc[0]
    assert dense["other"] == pytest.approx(1)
    assert dense["difference"] == pytest.approx(1 - plain.weights[1, :, 2].mean())
    assert (found.elsewhere[1] == (plain.weights[1].argmax(axis=1) != 2)).all()
    assert found.choices["moved"][1] == pytest.approx((1 - plain.weights[1, :, 2]).mean())
    assert found.choices["elsewhere"][0] == 0
    often = np.bincount(plain.weights[1].argmax(axis=1), minlength=3) / len(IDS)
    assert found.choices["chance"][1] == pytest.approx(1 - often[2])  # the other always chooses dense
    sums = found.shares.groupby("block")["difference"].sum()
    assert sums.tolist() == pytest.approx([0, 0], abs=1e-6)


def test_vanilla_twins_are_compared_by_their_attention_alone(tiny: MakeModel) -> None:
    found = between(tiny("vanilla"), tiny("vanilla", seed=1), TEXT.encode())
    assert found.routing is None
    assert found.attention["kept"].isna().all()
    assert ((found.attention["attention"] > 0) & (found.attention["attention"] < 1)).all()
    assert found.findings[0].startswith("Head by head, ")
    assert " of the attention lies on the same bytes, by chance " in found.findings[0]


def test_one_byte_is_enough_to_say_nothing_wrong(routed: ByteLM) -> None:
    found = between(routed, routed, b"x")
    assert found.attention[["kept", "attention"]].isna().all(axis=None)


def test_models_without_attention_are_twins_too(tiny: MakeModel) -> None:
    found = between(tiny(pathways=["local", "dense"]), tiny(pathways=["local", "dense"], seed=1), TEXT.encode())
    assert found.attention[["kept", "attention"]].isna().all(axis=None)
    assert found.routing is not None
    assert len(found.findings) > 1


def test_only_the_beginning_is_read(tiny: MakeModel) -> None:
    wide = tiny(context=300)
    found = between(wide, wide, b"a" * 1000)
    assert found.routing is not None
    assert len(found.routing.one.ids) == MOST_BYTES


def test_others_are_no_twins_and_it_is_said_why(tiny: MakeModel, routed: ByteLM) -> None:
    assert unlike(routed.config, tiny(abstain=True, context=20).config) == []
    with pytest.raises(InputError, match="not of one shape: kind routed and vanilla"):
        between(routed, tiny("vanilla"), b"ab")


def _force_dense() -> tuple:
    from tilelli.interventions import parse

    return parse("force:dense@2")
