import numpy as np
import pytest

from probes.metrics import Measured, coverage_at_risk, operate, risk_at_coverage, wilson
from tests.probes.metrics.known import answered, held
from tilelli.errors import InputError

KNOWN = ([0.9, 0.8, 0.7, 0.6], [True, True, False, True])
NEW = ([0.95, 0.85, 0.75, 0.1, 0.2], [True, False, True, False, False])


def test_a_threshold_is_chosen_on_some_rows_and_read_on_others() -> None:
    found = risk_at_coverage(0.5, calibration=KNOWN, test=NEW)
    assert found.threshold == 0.8
    assert (found.risk, found.coverage) == (wilson(1, 2), wilson(2, 5))
    found = coverage_at_risk(0.25, calibration=KNOWN, test=NEW)
    assert found.threshold == 0.6  # 1 of 4 is wrong
    assert (found.risk, found.coverage) == (wilson(1, 3), wilson(3, 5))


def test_tied_rows_are_kept_together() -> None:
    tied = ([0.9, 0.5, 0.5, 0.5], [True, True, False, True])
    assert risk_at_coverage(0.5, calibration=tied, test=NEW).threshold == 0.5


def test_where_no_threshold_does_what_is_asked_nothing_is_answered() -> None:
    wrong = ([0.9, 0.8], [False, False])
    found = coverage_at_risk(0.1, calibration=wrong, test=NEW)
    assert (found.threshold, found.risk.value, found.coverage.value) == (None, None, None)
    assert operate(2.0, *NEW).risk == Measured(None, None, None, 0)
    assert operate(2.0, *NEW).coverage.value == 0


def test_the_same_rows_twice_are_refused() -> None:
    for choose in (risk_at_coverage, coverage_at_risk):
        with pytest.raises(InputError, match="Chosen and read on the same rows: 4 rows"):
            choose(0.5, calibration=KNOWN, test=(np.array(KNOWN[0]), np.array(KNOWN[1])))


@pytest.mark.parametrize("share", [0, -0.1, 1.1, float("nan")])
def test_a_share_is_a_share(share: float) -> None:
    with pytest.raises(InputError, match="A coverage is a share of rows"):
        risk_at_coverage(share, calibration=KNOWN, test=NEW)
    if share != 0:
        with pytest.raises(InputError, match="A risk is a share of answers"):
            coverage_at_risk(share, calibration=KNOWN, test=NEW)


def test_a_known_risk_curve_comes_back_in_at_least_930_of_1000() -> None:
    """Confidences even over 0 to 1, right as often as they say: from t on, 1 - t are kept at risk (1 - t) / 2."""
    right = covered = 0
    for seed in range(1000):
        found = risk_at_coverage(0.6, calibration=answered(seed), test=answered(seed + 1000))
        assert found.threshold is not None
        right += held((1 - found.threshold) / 2, [found.risk])
        covered += held(1 - found.threshold, [found.coverage])
    assert right >= 930
    assert covered >= 930


def test_chosen_and_read_on_the_same_rows_a_risk_would_have_flattered_itself() -> None:
    """Labels that confidence knows nothing of: whatever is asked for, 1 in 2 is wrong on other rows."""
    read, chosen = [], []
    for seed in range(60):
        (c, _), random = answered(seed, 60), np.random.default_rng(seed)
        known, new = (c, random.random(60) < 0.5), (answered(seed + 99, 60)[0], random.random(60) < 0.5)
        found = coverage_at_risk(0.4, calibration=known, test=new)
        if found.threshold is not None and found.risk.value is not None:
            read.append(found.risk.value)
            chosen.append(operate(found.threshold, *known).risk.value or 0)
    assert max(chosen) <= 0.4
    assert np.mean(read) > 0.45
