import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.metrics import brier, brier_split, log_loss
from tests.probes.metrics.known import answered, held

SOME = st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=20)


def test_brier_and_log_loss_by_hand() -> None:
    assert brier([0.8, 0.5], [True, False]).value == pytest.approx((0.04 + 0.25) / 2)
    assert log_loss([0.8, 0.5], [True, False]).value == pytest.approx(-(np.log(0.8) + np.log(0.5)) / 2)
    assert log_loss([0, 1], [True, True]).value == pytest.approx(-np.log(np.finfo(float).eps) / 2)
    assert brier([], []).value is None


def test_they_agree_with_scikit_learn() -> None:
    from sklearn.metrics import brier_score_loss
    from sklearn.metrics import log_loss as expected

    c, y = answered(0)
    assert brier(c, y).value == pytest.approx(brier_score_loss(y, c), abs=1e-12)
    assert log_loss(c, y).value == pytest.approx(expected(y, c), abs=1e-9)


def test_the_interval_of_brier_holds_the_truth_in_at_least_93_of_100() -> None:
    assert held(1 / 6, (brier(*answered(seed)) for seed in range(100))) >= 93  # the mean of c (1 - c)


@given(SOME)
def test_the_parts_make_the_score_and_none_is_below_zero(rows: list[tuple[float, bool]]) -> None:
    split = brier_split(*zip(*rows, strict=True))  # type: ignore[arg-type]
    parts = [part.value for part in (split.miscalibration, split.discrimination, split.uncertainty)]
    lost, gained, given_ = (part for part in parts if part is not None)
    assert split.score.value == pytest.approx(lost - gained + given_)
    assert min(lost, gained, given_) >= -1e-12


def test_the_split_by_hand() -> None:
    """The monotone fit of 0 1 0 1 is 0 1/2 1/2 1."""
    split = brier_split([0.1, 0.4, 0.6, 0.7], [False, True, False, True])
    assert split.y.tolist() == [0, 0.5, 0.5, 1]
    assert split.x.tolist() == [0.1, 0.4, 0.6, 0.7]
    assert split.uncertainty.value == 0.25
    assert split.discrimination.value == pytest.approx(0.25 - 0.5 / 4)
    assert split.miscalibration.value == pytest.approx((0.01 + 0.36 + 0.36 + 0.09) / 4 - 0.5 / 4)


def test_the_line_agrees_with_scikit_learn() -> None:
    from sklearn.isotonic import IsotonicRegression

    c, y = np.round(answered(3)[0], 2), answered(3)[1]  # rounded, so that some are tied
    split = brier_split(c, y)
    np.testing.assert_allclose(split.y, IsotonicRegression().fit(c, y).predict(split.x), atol=1e-9)


def test_a_calibrated_model_has_a_fair_p_and_an_overconfident_one_a_small_one() -> None:
    calm = [brier_split(*answered(seed, 100), seed=seed).miscalibration.p or 0 for seed in range(40)]
    assert sum(p < 0.05 for p in calm) <= 5
    assert abs(np.mean(calm) - 0.5) < 0.15
    assert (brier_split(*answered(0, 300, over=0.2)).miscalibration.p or 1) < 0.01


def test_the_band_holds_the_line_of_a_calibrated_model() -> None:
    split = brier_split(*answered(1, 400))
    assert ((split.low <= split.y) & (split.y <= split.high)).mean() > 0.8
    assert ((split.low <= split.x) & (split.x <= split.high)).mean() > 0.95


def test_nothing_is_undefined() -> None:
    split = brier_split([], [])
    assert (split.score.value, split.miscalibration.value, split.miscalibration.p, len(split.x)) == (
        None,
        None,
        None,
        0,
    )
