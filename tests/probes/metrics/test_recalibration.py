import numpy as np
import pytest

from probes.metrics import Temperature, auroc, ece, isotonic, log_loss, platt, recalibrated, temperature
from tests.probes.metrics.known import answered
from tilelli.errors import InputError


def sharpened(seed: int, factor: float, n: int = 2000) -> tuple[np.ndarray, np.ndarray]:
    """Confidences that were honest before their log odds were multiplied."""
    c, y = answered(seed, n)
    return Temperature(1 / factor)(c), y


def test_the_temperature_that_was_put_in_comes_out() -> None:
    assert temperature(*sharpened(0, 3)).temperature == pytest.approx(3, rel=0.1)
    assert temperature(*sharpened(1, 0.5)).temperature == pytest.approx(0.5, rel=0.1)
    assert Temperature(2)([0.5, 0.9]).tolist() == pytest.approx([0.5, 0.75])  # odds 9 become odds 3


def test_no_other_temperature_has_less_log_loss() -> None:
    c, y = sharpened(2, 3, 300)
    best = temperature(c, y).temperature
    losses = [log_loss(Temperature(best * step)(c), y).value or 0 for step in (0.97, 1, 1.03)]
    assert losses[1] == min(losses)


def test_platt_agrees_with_scikit_learn() -> None:
    from sklearn.calibration import _SigmoidCalibration

    c, y = answered(0, 300)
    expected, found = _SigmoidCalibration().fit(10 * c, y), platt(10 * c, y)
    assert (found.slope, found.offset) == (pytest.approx(-expected.a_, abs=1e-5), pytest.approx(-expected.b_, abs=1e-5))
    np.testing.assert_allclose(found(10 * c), expected.predict(10 * c), atol=1e-6)


def test_isotonic_agrees_with_scikit_learn() -> None:
    from sklearn.isotonic import IsotonicRegression

    (c, y), (new, _) = answered(0), answered(1)
    expected = IsotonicRegression(out_of_bounds="clip").fit(c, y)
    np.testing.assert_allclose(isotonic(c, y)(new), expected.predict(new), atol=1e-9)


@pytest.mark.parametrize("fit", [temperature, platt, isotonic])
def test_what_was_learned_on_some_rows_helps_on_others(fit: object) -> None:
    new = sharpened(1, 4)
    after, _ = recalibrated(fit, calibration=sharpened(0, 4), test=new)  # type: ignore[arg-type]
    assert (ece(after, new[1]).value or 1) < (ece(*new).value or 0) * (0.75 if fit is platt else 0.5)
    if fit is not isotonic:
        assert auroc(after, new[1]).value == pytest.approx(auroc(*new).value, abs=1e-3)


def test_the_same_rows_twice_and_rows_of_one_kind_are_refused() -> None:
    rows = answered(0)
    with pytest.raises(InputError, match="Chosen and read on the same rows"):
        recalibrated(platt, calibration=rows, test=rows)
    for fit in (temperature, platt, isotonic):
        with pytest.raises(InputError, match="There is nothing to fit: 2 right of 2"):
            fit([0.5, 0.6], [True, True])


def test_rows_that_a_line_parts_leave_platt_finite() -> None:
    found = platt([0, 1, 2, 3], [False, False, True, True])
    assert 0 < found.slope < 10
