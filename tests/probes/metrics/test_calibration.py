import numpy as np
import pytest

from probes.metrics import ece, reliability, wilson
from probes.metrics.calibration import EXACT, Equal
from tests.probes.metrics.known import answered, held
from tilelli.errors import InputError

BOTH: list[Equal] = ["width", "mass"]


def test_an_ece_by_hand() -> None:
    found = ece([0.1, 0.2, 0.7, 0.9], [False, True, True, True], bins=2)
    assert found.value == pytest.approx((abs(0.3 - 1) + abs(1.6 - 2)) / 4)


def test_bins_of_equal_mass_hold_as_many_rows_each_and_ties_stay_together() -> None:
    c, y = answered(0, 150)
    assert (reliability(c, y, equal="mass").n == 10).all()
    table = reliability([0.2, 0.2, 0.2, 0.9], [True, False, False, True], bins=2, equal="mass")
    assert table.n.tolist() == [3, 1]
    by_hand = ece([0.1, 0.2, 0.3, 0.9], [False, True, True, True], bins=2, equal="mass")
    assert by_hand.value == pytest.approx((abs(0.3 - 1) + abs(1.2 - 2)) / 4)


@pytest.mark.parametrize("seed", range(3))
def test_ece_agrees_with_torchmetrics(seed: int) -> None:
    import torch
    from torchmetrics.functional.classification import binary_calibration_error

    c, y = answered(seed, 500, over=0.1)
    expected = binary_calibration_error(torch.tensor(c), torch.tensor(y).long(), n_bins=15)
    assert ece(c, y).value == pytest.approx(float(expected), abs=1e-6)


@pytest.mark.parametrize("seed", range(3))
def test_ece_agrees_with_netcal(seed: int) -> None:
    metrics = pytest.importorskip("netcal.metrics", exc_type=ImportError)
    c, y = answered(seed, 500, over=0.1)
    assert ece(c, y).value == pytest.approx(metrics.ECE(15).measure(c, y.astype(int)), abs=1e-6)


@pytest.mark.parametrize("equal", ["uniform", "quantile"])
def test_reliability_agrees_with_scikit_learn(equal: str) -> None:
    from sklearn.calibration import calibration_curve

    c, y = answered(4, 600)
    accuracy, confidence = calibration_curve(y, c, n_bins=15, strategy=equal)
    found = reliability(c, y, equal="width" if equal == "uniform" else "mass")
    np.testing.assert_allclose(found.accuracy, accuracy, atol=1e-6)
    np.testing.assert_allclose(found.confidence, confidence, atol=1e-6)


def test_reliability_by_hand() -> None:
    table = reliability([0.1, 0.2, 1.0], [False, True, True], bins=5)
    assert table.n.tolist() == [1, 1, 1]  # 0.2 is on an edge and belongs above, 1 belongs to the last bin
    assert (table.low.tolist(), table.high.tolist()) == ([0.1, 0.2, 1], [0.1, 0.2, 1])
    assert table.accuracy.tolist() == [0, 1, 1]
    assert (table.accuracy_low[1], table.accuracy_high[1]) == (wilson(1, 1).low, 1)
    assert (table.band_low[2], table.band_high[2]) == (1, 1)  # a calibrated model that says 1 is right


@pytest.mark.parametrize("equal", BOTH)
def test_a_calibrated_model_lies_in_its_band_and_shows_about_eight_hundredths_at_210(equal: Equal) -> None:
    found = [ece(*answered(seed, 210), equal=equal, seed=seed) for seed in range(100)]
    assert sum((each.value or 0) <= (each.band or 0) for each in found) >= 93
    assert held(0, [each.figure for each in found]) >= 93
    seen, expected = (np.mean([getattr(each, name) for each in found]) for name in ("value", "expected"))
    assert 0.06 < seen < 0.1
    assert seen == pytest.approx(expected, rel=0.05)
    p = np.array([each.p for each in found])
    assert abs(np.mean(p) - 0.5) < 0.1  # even over 0 to 1


def test_too_much_confidence_is_found_and_its_size_held_in_at_least_93_of_100() -> None:
    found = [ece(*answered(seed, 400, over=0.2), seed=seed) for seed in range(100)]
    assert max(each.p or 0 for each in found) < 0.05
    truth = (0.2 * 0.8) + 0.2**2 / 2  # right in c - 0.2 of the cases, but never below 0
    assert held(truth, [each.figure for each in found]) >= 93


def test_the_band_of_a_bin_holds_calibrated_models() -> None:
    tables = [reliability(*answered(seed, 300), bins=5) for seed in range(60)]
    inside = [((t.band_low <= t.accuracy) & (t.accuracy <= t.band_high)).mean() for t in tables]
    assert 0.92 <= np.mean(inside) <= 0.99


def test_large_bins_are_drawn_from_the_normal_distribution_and_come_to_the_same() -> None:
    c, y = answered(0, EXACT + 1)
    for n in (EXACT, EXACT + 1):
        expected = ece(c[:n], y[:n], bins=1).expected
        assert expected == pytest.approx(np.sqrt(2 / np.pi * (c * (1 - c)).sum()) / n, rel=0.05)


def test_no_rows_are_undefined_and_no_bins_refused() -> None:
    empty = ece([], [])
    assert (empty.value, empty.low, empty.n, empty.expected, empty.p) == (None, None, 0, None, None)
    assert len(reliability([], []).n) == 0
    with pytest.raises(InputError, match="There must be a bin: 0"):
        ece([0.5], [True], bins=0)


def test_rows_that_repeat_one_another_are_one_witness() -> None:
    """A calibrated model whose every answer is counted four times looks badly calibrated, unless that is said."""
    alone, together = [], []
    for seed in range(60):
        c, y = (np.repeat(values, 4) for values in answered(seed, 100))
        alone.append(ece(c, y, seed=seed).p or 0)
        together.append(ece(c, y, seed=seed, group=np.repeat(np.arange(100), 4)))
    assert np.mean(np.array(alone) < 0.05) > 0.5
    assert np.mean([(each.p or 0) < 0.05 for each in together]) <= 0.1
    assert held(0, [each.figure for each in together]) >= 56


def test_too_much_confidence_of_groups_is_found() -> None:
    c, y = (np.repeat(values, 2) for values in answered(0, 400, over=0.25))
    found = ece(c, y, group=np.repeat(np.arange(400), 2))
    assert (found.p or 1) < 0.01
    assert found.value == ece(c, y).value
