import numpy as np
import pytest
from scipy.stats import norm

from probes.metrics import delong, delong_difference
from tests.probes.metrics.known import ranked


def test_the_error_is_that_of_all_pairs_one_by_one() -> None:
    score, label = np.round(ranked(0)[0], 1), ranked(0)[1]  # rounded, so that some are tied
    positive, negative = score[label], score[~label]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    one, other = wins.mean(axis=1), wins.mean(axis=0)
    error = np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other))
    found = delong(score, label)
    assert found.value == pytest.approx(wins.mean())
    assert (found.high or 0) - (found.value or 0) == pytest.approx(norm.ppf(0.975) * error)


def test_a_difference_from_itself_is_nothing_and_its_p_is_one() -> None:
    score, label = ranked(1)
    found = delong_difference(score, score, label)
    assert (found.value, found.low, found.high, found.p) == (0, 0, 0, 1)


def test_with_one_class_or_a_lone_row_there_is_no_interval() -> None:
    assert delong([1, 2], [True, True]).value is None
    assert (delong([1, 2, 3], [True, False, False]).value, delong([1, 2, 3], [True, False, False]).low) == (0, None)
    assert delong_difference([1, 2], [2, 1], [True, True]).value is None
