import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from probes.weights import STORED_FLOATS, STORED_TRITS, Verdict, findings, table, tensors, verdict
from tests.conftest import MakeModel
from tilelli.base import ByteLM
from tilelli.errors import InputError
from tilelli.model import RoutedBlock
from tilelli.ternary import TernaryWeight, quantize

UP = "blocks.0.dense.up.weight"


def with_weight(model: ByteLM, rows: list[list[float]]) -> ByteLM:
    """The model with `rows` in the upper left corner of one ternary matrix, and zeros elsewhere."""
    weight = model.get_parameter(UP)
    weight.zero_()
    weight[: len(rows), : len(rows[0])] = torch.tensor(rows)
    return model


def test_every_number_of_the_model_is_in_one_row(model: ByteLM) -> None:
    facts = tensors(model)
    assert sum(row.parameters for row in facts) == model.num_parameters()
    assert {row.name for row in facts} == set(model.state_dict())


def test_ternary_rows_are_those_that_the_configuration_names(tiny: MakeModel) -> None:
    names = [row.name for row in tensors(tiny(ternary=["dense"], n_blocks=1)) if row.ternary]
    assert names == ["blocks.0.dense.up.weight", "blocks.0.dense.down.weight"]
    names = [row.name for row in tensors(tiny(ternary=["local", "sparse"], n_blocks=1)) if row.ternary]
    assert names == ["blocks.0.local.weight", "blocks.0.sparse.qkv.weight", "blocks.0.sparse.out.weight"]


def test_one_matrix_worked_by_hand(tiny: MakeModel) -> None:
    n = 32 * 16
    model = with_weight(tiny(n_blocks=1), [[n / 4, -n / 4], [n / 4, n / 4]])  # mean size 1, hence scale 1
    row = next(row for row in tensors(model) if row.name == UP)
    assert row.shape == (32, 16)
    assert row.scale == pytest.approx(1)
    assert (row.minus, row.zero, row.plus) == (1 / n, (n - 4) / n, 3 / n)
    assert (row.zero_rows, row.zero_columns, row.distinct) == (30, 14, 3)
    assert row.near_threshold == 0
    assert row.packed_bytes == n / 4 + 4
    p = np.array([1, n - 4, 3]) / n
    assert row.entropy == pytest.approx(-(p * np.log2(p)).sum())


def test_weights_beside_a_threshold_are_counted(tiny: MakeModel) -> None:
    n = 32 * 16
    corner = [[0.46, -0.54], [0.44, 0.56]]  # two within 0.05 of a half, two not; the rest of the scale from one giant
    model = with_weight(tiny(n_blocks=1), [*corner, [n - 2.0, 0]])
    row = next(row for row in tensors(model) if row.name == UP)
    assert row.scale == pytest.approx(1)
    assert row.near_threshold == pytest.approx(2 / n)


def test_the_shares_are_those_of_what_the_layer_multiplies_with(routed: ByteLM) -> None:
    block = routed.blocks[0]
    assert isinstance(block, RoutedBlock)
    used = block.dense.up(torch.eye(16)).T  # asks the layer itself
    row = next(row for row in tensors(routed) if row.name == UP)
    assert row.zero == pytest.approx((used == 0).double().mean().item())
    assert row.plus == pytest.approx((used > 0).double().mean().item())


def test_a_matrix_of_zeros_carries_nothing(tiny: MakeModel) -> None:
    row = next(row for row in tensors(with_weight(tiny(n_blocks=1), [[0.0]])) if row.name == UP)
    assert (row.minus, row.zero, row.plus) == (0, 1, 0)
    assert (row.entropy, row.distinct, row.zero_rows) == (0, 1, 32)


@given(st.integers(0, 50))
def test_entropy_and_shares_stay_in_their_range(seed: int) -> None:
    from tests.conftest import random_model

    for row in tensors(random_model(seed=seed, n_blocks=1)):
        if row.ternary:
            assert row.minus is not None
            assert row.zero is not None
            assert row.plus is not None
            assert row.minus + row.zero + row.plus == pytest.approx(1)
            assert row.entropy is not None
            assert 0 <= row.entropy <= np.log2(3) + 1e-12


def test_ternary_is_confirmed_in_one_sentence(routed: ByteLM) -> None:
    answer = verdict(tensors(routed))
    assert answer.really is True
    assert answer.sentence.startswith("Yes: all ")
    assert "10 ternary tensors" in answer.sentence


def test_a_vanilla_model_claims_nothing(vanilla: ByteLM) -> None:
    facts = tensors(vanilla)
    expected = (
        f"Nothing here is ternary: all {vanilla.num_parameters():,} weights are ordinary floats, used as they are."
    )
    assert verdict(facts) == Verdict(None, expected)
    assert all(row.packed_bytes == 4 * row.parameters for row in facts)


def test_a_layer_that_only_pretends_is_found_out(tiny: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def pretend(self: TernaryWeight, weight: Tensor) -> Tensor:
        return weight

    monkeypatch.setattr(TernaryWeight, "forward", pretend)
    answer = verdict(tensors(tiny(n_blocks=1)))
    assert answer.really is False
    assert answer.sentence.startswith("No: block 1 ")
    assert "should be ternary, but its layer multiplies with" in answer.sentence


def test_two_sizes_are_not_one_scale(tiny: MakeModel, monkeypatch: pytest.MonkeyPatch) -> None:
    def two_sizes(self: TernaryWeight, weight: Tensor) -> Tensor:
        return torch.where(weight > 0, 1.0, -2.0)

    monkeypatch.setattr(TernaryWeight, "forward", two_sizes)
    assert verdict(tensors(tiny(n_blocks=1))).really is False


def test_the_table_has_one_row_a_tensor(model: ByteLM) -> None:
    assert list(table(tensors(model))["name"]) == [row.name for row in tensors(model)]


def test_stored_floats_are_told_from_what_is_multiplied_with(tiny: MakeModel) -> None:
    model = tiny()
    answer = verdict(tensors(model))
    assert (answer.really, answer.file) == (True, STORED_FLOATS)
    assert all(row.latent is (True if row.ternary else None) for row in tensors(model))
    for row in tensors(model):
        if row.ternary:  # as a file has them that stores trits
            weight = model.get_parameter(row.name)
            trits, scale = quantize(weight)
            weight.copy_(trits * scale)
    assert verdict(tensors(model)).file == STORED_TRITS


def test_the_distance_to_a_threshold_can_be_chosen(tiny: MakeModel) -> None:
    n = 32 * 16
    model = with_weight(tiny(n_blocks=1), [[0.46, -0.54], [0.44, 0.56], [n - 2.0, 0]])
    for near, count in ((0.01, 0), (0.05, 2), (0.07, 4), (0.5, n - 1)):
        row = next(row for row in tensors(model, near) if row.name == UP)
        assert row.near_threshold == pytest.approx(count / n)


@pytest.mark.parametrize("near", [-0.1, 0.6, float("nan")])
def test_a_distance_beyond_zero_is_refused(routed: ByteLM, near: float) -> None:
    with pytest.raises(InputError, match="no such distance to a threshold"):
        tensors(routed, near)


def test_findings_name_what_is_always_zero(tiny: MakeModel) -> None:
    model = with_weight(tiny(n_blocks=1), [[1.0]])
    said = findings(tensors(model))
    assert said[0].startswith("0 of ") or " of " in said[0]
    assert "block 1 dense.up has 31 rows and 15 columns of nothing but zeros." in said
    assert findings(tensors(tiny("vanilla"))) == ["No row or column of any matrix is all zero."]
