import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.metrics import Measured, augrc, aurc, auroc, eaurc, risk_coverage, wilson
from tests.probes.metrics.known import held, ranked

SOME = st.lists(st.tuples(st.integers(0, 6), st.booleans()), min_size=2, max_size=20)
AREAS = (augrc, aurc, eaurc)


def test_the_curve_by_hand_with_a_tie() -> None:
    curve = risk_coverage([0.9, 0.5, 0.5, 0.1], [True, False, True, False])
    assert curve.threshold.tolist() == [0.9, 0.5, 0.1]
    assert curve.coverage.tolist() == [0.25, 0.75, 1]
    assert curve.risk.tolist() == pytest.approx([0, 1 / 3, 1 / 2])
    assert curve.generalised.tolist() == [0, 0.25, 0.5]
    assert (curve.low[1], curve.high[1]) == (wilson(1, 3).low, wilson(1, 3).high)
    assert len(risk_coverage([], []).risk) == 0


def test_the_areas_by_hand() -> None:
    confidence, correct = [4, 3, 2, 1], [True, False, True, False]
    assert augrc(confidence, correct).value == pytest.approx((0 + 0.5 + 1 + 1.5) / 16)  # trapezia of 0 0 1 1 2 errors
    assert aurc(confidence, correct).value == pytest.approx((0 + 1 / 2 + 1 / 3 + 2 / 4) / 4)
    assert eaurc(confidence, correct).value == pytest.approx((1 / 2 + 1 / 3 + 2 / 4 - 1 / 3 - 2 / 4) / 4)


@given(SOME)
def test_ties_count_as_the_mean_over_their_orders(rows: list[tuple[int, bool]]) -> None:
    confidence, correct = (np.array(column) for column in zip(*rows, strict=True))
    if correct.all() or not correct.any():
        return
    random, found = np.random.default_rng(0), []
    for _ in range(300):
        order = np.lexsort((random.random(len(rows)), -confidence))
        errors, kept = np.cumsum(~correct[order]), np.arange(1, len(rows) + 1)
        found.append([(errors / kept).mean(), ((errors - ~correct[order] / 2) / len(rows)).mean()])
    expected = np.mean(found, axis=0)
    assert [aurc(confidence, correct).value, augrc(confidence, correct).value] == pytest.approx(expected, abs=0.05)


@given(SOME)
def test_augrc_is_the_error_rate_and_the_auroc_of_failure_in_one(rows: list[tuple[int, bool]]) -> None:
    confidence, correct = zip(*rows, strict=True)
    found, area = augrc(confidence, correct).value, auroc(confidence, correct).value
    if found is not None and area is not None:
        e = 1 - sum(correct) / len(correct)
        assert found == pytest.approx(e * e / 2 + e * (1 - e) * (1 - area))


def test_an_oracle_reaches_half_the_square_of_the_error_rate_and_ignorance_half_the_rate() -> None:
    correct = np.arange(100) >= 30
    assert augrc(correct, correct).value == pytest.approx(0.3**2 / 2)
    assert eaurc(correct, correct).value == pytest.approx(0)
    assert eaurc(np.arange(100), correct).value == pytest.approx(0)
    assert augrc(np.zeros(100), correct).value == pytest.approx(0.3 / 2)
    assert aurc(np.zeros(100), correct).value == pytest.approx(0.3)


@pytest.mark.parametrize("correct", [[True] * 9, [False] * 9, []])
def test_all_right_and_all_wrong_are_undefined(correct: list[bool]) -> None:
    for area in AREAS:
        assert area(range(len(correct)), correct) == Measured(None, None, None, len(correct))


@given(SOME)
def test_the_areas_know_only_the_order(rows: list[tuple[int, bool]]) -> None:
    confidence, correct = zip(*rows, strict=True)
    for area in AREAS:
        assert area(np.exp(np.array(confidence, dtype=float)), correct) == area(confidence, correct)


def test_the_intervals_hold_the_truth_in_at_least_93_of_100() -> None:
    """Answers that are right in 7 of 10 cases and ranked with AUROC 0.75."""
    many = ranked(0, 0.75, 70_000, 30_000)
    curve = risk_coverage(*many)
    truths = (0.3**2 / 2 + 0.3 * 0.7 * 0.25, float(curve.risk.mean()))

    def rows(seed: int) -> tuple[np.ndarray, np.ndarray]:
        right = int(np.random.default_rng(seed).binomial(100, 0.7))
        return ranked(seed + 1, 0.75, right, 100 - right)

    for area, truth in zip((augrc, aurc), truths, strict=True):
        assert held(truth, (area(*rows(seed)) for seed in range(100))) >= 93
