import copy

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from probes.drift import differing, drift
from tests.conftest import TINY, MakeModel, random_model
from tilelli.base import build
from tilelli.errors import InputError
from tilelli.splice import parse, splice
from tilelli.ternary import quantize

UP = "blocks.0.dense.up.weight"


def test_one_matrix_worked_by_hand(tiny: MakeModel) -> None:
    before, after = tiny(n_blocks=1), tiny(n_blocks=1)
    n = 32 * 16
    one, other = before.get_parameter(UP), after.get_parameter(UP)
    one.fill_(1.0)  # every trit is +1, the scale 1
    other.fill_(2.0)
    other[0, :4] = torch.tensor([0.0, 0.0, -2.0, 2.0])  # two became zero, one changed its sign
    row = next(row for row in drift(before, after).tensors if row.name == UP)
    assert (row.became_zero, row.left_zero, row.changed_sign) == (2 / n, 0, 1 / n)
    assert row.flips == 3 / n
    assert row.by_chance == pytest.approx(3 / n)  # all were +1: whatever is not now, differs
    assert (row.scale_before, row.scale_after) == (1, pytest.approx(2 * (n - 2) / n))
    assert row.relative_change == pytest.approx(((n - 3 + 2 + 9) / n) ** 0.5)
    assert row.cosine == pytest.approx((2 * (n - 3) - 2) / (n**0.5 * (4 * (n - 2)) ** 0.5))


def test_a_model_against_itself_did_not_change(tiny: MakeModel) -> None:
    for kind in ("routed", "vanilla"):
        found = drift(tiny(kind), tiny(kind))
        assert {row.flips for row in found.tensors} <= {0, None}
        assert all(row.relative_change == 0 for row in found.tensors)
        assert all(row.cosine == pytest.approx(1) for row in found.tensors)
        assert found.findings == ["The two hold the same weights, to the last bit."]


def test_a_fresh_model_whose_biases_are_zero_is_the_same_as_itself_too() -> None:
    fresh = build(TINY)
    found = drift(fresh, fresh)
    assert found.findings == ["The two hold the same weights, to the last bit."]
    assert all(row.relative_change == 0 for row in found.tensors)


def test_from_nothing_no_scale_has_a_relative_change(tiny: MakeModel) -> None:
    before, after = tiny(), tiny()
    before.get_parameter(UP).zero_()
    row = next(row for row in drift(before, after).tensors if row.name == UP)
    assert (row.scale_change, row.relative_change) == (None, None)
    assert not any("scale that moved" in said for said in drift(before, after).findings)


@given(st.integers(1, 40))
def test_flips_are_alike_both_ways_and_independent_weights_flip_as_by_chance(seed: int) -> None:
    one, other = random_model(seed=0), random_model(seed=seed)
    there, back = drift(one, other).ternary, drift(other, one).ternary
    for row, mirrored in zip(there, back, strict=True):
        assert row.flips == pytest.approx(mirrored.flips)
        assert row.became_zero == pytest.approx(mirrored.left_zero)
        assert row.flips == pytest.approx(row.became_zero + row.left_zero + row.changed_sign)
    big = [row for row in there if row.parameters >= 500]
    assert big
    assert all(row.flips == pytest.approx(row.by_chance, abs=0.12) for row in big)


def test_flips_are_counted_where_the_trits_differ(tiny: MakeModel) -> None:
    one, other = tiny(seed=1), tiny(seed=2)
    expected = (quantize(one.get_parameter(UP))[0] != quantize(other.get_parameter(UP))[0]).double().mean().item()
    row = next(row for row in drift(one, other).ternary if row.name == UP)
    assert row.flips == pytest.approx(expected)


def test_only_the_spliced_part_differs(tiny: MakeModel) -> None:
    base, donor = tiny(seed=1), tiny(seed=2)
    found = drift(base, splice(base, donor, parse("dense@2")))
    changed = {row.name for row in found.tensors if row.relative_change}
    assert changed == {"blocks.1.dense.up.weight", "blocks.1.dense.down.weight"}
    assert "block 2 dense" in found.findings[0]


def test_a_head_that_tuning_added_is_named_and_left_out(tiny: MakeModel) -> None:
    found = drift(tiny(), tiny(abstain=True))
    assert found.alone == ["abstain.bias", "abstain.weight"]
    assert found.findings[-1] == "Only one of the two has abstain.bias, abstain.weight."
    assert not any(row.name.startswith("abstain") for row in found.tensors)


def test_a_tensor_that_was_all_zero_has_no_angle_and_no_relative_change(tiny: MakeModel) -> None:
    before, after = tiny("vanilla"), tiny("vanilla")
    before.get_parameter("norm.weight").zero_()
    row = next(row for row in drift(before, after).tensors if row.name == "norm.weight")
    assert (row.cosine, row.relative_change) == (None, None)


def test_floats_and_trits_of_one_shape_can_be_compared_but_nothing_flips(tiny: MakeModel) -> None:
    found = drift(tiny(ternary=[]), tiny())
    assert found.ternary == []
    assert len(found.mixed) == 10
    assert found.findings[-1].startswith("Only one of the two rounds block 1 local, ")
    assert drift(tiny(ternary=[]), tiny(seed=1)).findings[0] == "No tensor is ternary in both: nothing can flip."


def test_other_shapes_are_refused_by_name(tiny: MakeModel) -> None:
    with pytest.raises(InputError, match=r"do not have the same tensors: blocks\.1\.dense\.down\.weight\. Choose"):
        drift(tiny(n_blocks=1), tiny(n_blocks=2))
    shapes = {"a": (1, 2), "abstain.weight": (1, 16)}
    assert differing(shapes, {"a": (1, 2)}) is None
    assert differing(shapes, {"a": (2, 1)}) == "a"
    assert differing(shapes, {}) == "a"


def test_neither_model_is_touched(tiny: MakeModel) -> None:
    one, other = tiny(seed=1), tiny(seed=2)
    before = copy.deepcopy(one.state_dict())
    drift(one, other)
    assert all(torch.equal(before[key], value) for key, value in one.state_dict().items())


def test_the_table_has_one_row_a_tensor(tiny: MakeModel) -> None:
    found = drift(tiny(seed=1), tiny(seed=2))
    assert list(found.table()["name"]) == [row.name for row in found.tensors]
