import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from probes.heads import MEASURES, heads
from tests.conftest import MakeModel, random_model
from tests.probes.test_attention import TEXT, by_hand
from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.trace import trace


def test_heads_worked_by_hand() -> None:
    result = heads(by_hand())
    used = (1 + np.exp(-0.75 * np.log(0.75) - 0.25 * np.log(0.25)) + 2) / 3
    assert (result.places, result.top_k) == (2, 2)
    assert result.effective_keys.item() == pytest.approx(used)
    assert result.previous.item() == pytest.approx((0.25 + 0) / 2)
    assert result.reach.item() == pytest.approx((0 + 0.25 + 1) / 3)
    assert result.filled.item() == pytest.approx(2 / 3)
    assert result.table()[["block", "head"]].values.tolist() == [[1, 1]]


def test_the_mass_of_one_key_worked_by_hand() -> None:
    assert heads(by_hand(), top_k=1).mass.item() == pytest.approx((0.75 + 0.5) / 2)  # the first byte has one key only


def test_a_routed_head_holds_what_its_trace_says(routed: ByteLM) -> None:
    seen = trace(routed, TEXT)
    assert seen.kept_mass is not None
    expected = seen.kept_mass[:, 0, :, routed.config.top_k :].mean(dim=-1)
    np.testing.assert_allclose(heads(seen).mass, expected, rtol=1e-5)


def test_a_vanilla_head_that_kept_all_would_hold_all(vanilla: ByteLM) -> None:
    seen = trace(vanilla, TEXT)
    few, most = heads(seen, 4).mass, heads(seen, 15).mass
    assert (few < most).all()
    assert (most <= 1 + 1e-6).all()
    assert np.isnan(heads(seen, 99).mass).all()  # no byte has more than that to choose from


def test_all_but_the_first_bytes_fill_their_places(routed: ByteLM) -> None:
    np.testing.assert_allclose(heads(trace(routed, TEXT)).filled, (16 - routed.config.top_k + 1) / 16)


def test_intervals_hold_the_mean_and_a_short_text_has_none(model: ByteLM) -> None:
    result = heads(trace(model, TEXT), 4)
    for name in MEASURES[:4]:
        assert (result.low[name] <= getattr(result, name) + 1e-9).all()
        assert (getattr(result, name) <= result.high[name] + 1e-9).all()
    assert np.isnan(heads(trace(model, TEXT[:3])).low["reach"]).all()


def test_one_byte_looks_only_at_itself(model: ByteLM) -> None:
    result = heads(trace(model, [65]))
    assert np.isnan(result.previous).all()
    assert np.isnan(result.mass).all()
    assert (result.effective_keys == 1).all()
    assert not result.reach.any()


def test_several_texts_are_averaged(model: ByteLM) -> None:
    both = torch.tensor([TEXT, TEXT[::-1]])
    one, other = (heads(trace(model, row)).effective_keys for row in both)
    np.testing.assert_allclose(heads(trace(model, both)).effective_keys, (one + other) / 2, rtol=1e-5)


def test_a_model_without_attention_is_refused_in_words(tiny: MakeModel) -> None:
    with pytest.raises(InputError, match="no attention to look at: no sparse pathway"):
        heads(trace(tiny(pathways=("local", "dense")), TEXT))


def test_no_keys_at_all_cannot_be_kept(vanilla: ByteLM) -> None:
    with pytest.raises(InputError, match="at least one byte: top_k 0"):
        heads(trace(vanilla, TEXT), 0)


@given(st.binary(min_size=1, max_size=16))
def test_effective_keys_lie_between_one_and_the_places(text: bytes) -> None:
    result = heads(trace(random_model(), list(text)))
    assert (result.effective_keys >= 1 - 1e-5).all()
    assert (result.effective_keys <= result.places + 1e-5).all()
