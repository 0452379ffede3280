import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.latents import BINS, MOST_BINS, latent
from probes.weights import tensors
from tests.conftest import MakeModel, random_model
from tilelli.base import ByteLM
from tilelli.errors import InputError

UP = "blocks.0.dense.up.weight"


def test_every_weight_is_counted_once_inside_or_outside(model: ByteLM) -> None:
    for row in tensors(model):
        found = latent(model, row.name)
        assert found.total == row.parameters
        assert len(found.counts) == len(found.edges) - 1 == len(found.table())
        assert found.lowest == pytest.approx(float(model.get_parameter(row.name).min()))


def test_a_small_tensor_is_shown_whole(model: ByteLM) -> None:
    found = latent(model, "norm.bias")
    assert (found.below, found.above) == (0, 0)


@given(st.floats(-2, 2), st.floats(0.01, 3), st.integers(0, 20))
def test_both_thresholds_are_ends_of_bins_wherever_they_are_in_the_picture(low: float, wide: float, seed: int) -> None:
    found = latent(random_model(seed=seed, n_blocks=1), UP, low, low + wide)
    assert found.threshold is not None
    assert len(found.counts) <= MOST_BINS + 4
    for threshold in (-found.threshold, found.threshold):
        if found.edges[0] < threshold < found.edges[-1]:
            assert np.abs(found.edges - threshold).min() < 1e-9


def test_an_outlier_does_not_squash_the_picture(tiny: MakeModel) -> None:
    model = tiny(d_model=64, n_blocks=1)
    before = latent(model, UP)
    model.get_parameter(UP)[0, 0] = 50.0
    after = latent(model, UP)
    assert after.edges[-1] < 1.2 * before.edges[-1]
    assert after.above == before.above + 1 or after.above == before.above
    assert after.highest == 50
    assert len(after.counts[after.counts > 0]) > BINS // 2


def test_a_range_can_be_chosen_up_to_the_outlier(tiny: MakeModel) -> None:
    model = tiny(n_blocks=1)
    model.get_parameter(UP)[0, 0] = 50.0
    found = latent(model, UP, high=51)
    assert found.above == 0
    assert found.counts.sum() + found.below == 32 * 16
    assert len(found.counts) <= MOST_BINS


def test_a_zoom_counts_what_numpy_counts(routed: ByteLM) -> None:
    found = latent(routed, "embedding.weight", -0.1, 0.2)
    values = routed.get_parameter("embedding.weight").double().flatten().numpy()
    assert found.counts.sum() == ((values >= -0.1) & (values <= 0.2)).sum()
    assert (found.below, found.above) == ((values < -0.1).sum(), (values > 0.2).sum())
    assert len(found.counts) == BINS


@pytest.mark.parametrize("ends", [(1, 1), (2, 1), (float("nan"), 1), (0, float("inf"))])
def test_an_empty_range_is_refused(routed: ByteLM, ends: tuple[float, float]) -> None:
    with pytest.raises(InputError, match="There is nothing in this range"):
        latent(routed, UP, *ends)


def test_what_is_close_to_a_threshold_is_what_the_table_says(routed: ByteLM) -> None:
    for near in (0.01, 0.05, 0.5):
        row = next(row for row in tensors(routed, near) if row.name == UP)
        found = latent(routed, UP, near=near)
        assert row.near_threshold is not None
        assert found.close == round(row.near_threshold * row.parameters)
        assert found.near == near


def test_a_float_tensor_has_no_threshold_and_may_be_constant(tiny: MakeModel) -> None:
    model = tiny("vanilla", n_blocks=1)
    model.get_parameter("norm.weight").fill_(1.0)
    found = latent(model, "norm.weight")
    assert (found.threshold, found.close) == (None, None)
    assert (found.edges[0], found.edges[-1]) == (0, 2)


def test_a_matrix_of_zeros_still_has_a_picture(tiny: MakeModel) -> None:
    model = tiny(n_blocks=1)
    model.get_parameter(UP).zero_()
    assert latent(model, UP).counts.sum() == 32 * 16


def test_an_unknown_tensor_is_refused(routed: ByteLM) -> None:
    with pytest.raises(InputError, match=r"no such tensor: nose\. See"):
        latent(routed, "nose")


@pytest.mark.parametrize("ends", [(0, 1e-320), (0, 1e-12), (1e3, 1e3 + 1e-12), (-3e38, 3e38)])
@pytest.mark.parametrize("name", [UP, "embedding.weight"])
def test_however_narrow_or_wide_the_range_the_weights_are_counted(
    routed: ByteLM, name: str, ends: tuple[float, float]
) -> None:
    found = latent(routed, name, *ends)
    assert found.total == routed.get_parameter(name).numel()


def test_a_range_beyond_all_floats_is_refused(routed: ByteLM) -> None:
    with pytest.raises(InputError, match=r"nothing in this range: -1e\+308 to 1e\+308"):
        latent(routed, UP, -1e308, 1e308)
