import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilelli.errors import InputError
from tilelli.experiment.interval import paired_difference

bits = st.lists(st.lists(st.floats(1, 1e5), min_size=4, max_size=4), min_size=1, max_size=3)


def test_two_documents_and_one_seed_worked_by_hand() -> None:
    """Of equal length, one alike and one 2 % worse: a resample says 0, 1 or 2 % with weights 1, 2 and 1."""
    d = paired_difference(np.array([[100.0, 102.0]]), np.array([[100.0, 100.0]]))
    assert (d.mean, d.low, d.high) == pytest.approx((1, 0, 2))
    assert d.documents_only


def test_three_seeds_and_one_document_worked_by_hand() -> None:
    """Differences of 1, 2 and 3 %: mean 2, standard deviation 1, and 4.303 is the tail of t with 2 degrees."""
    d = paired_difference(np.array([[101.0], [102.0], [103.0]]), np.full((3, 1), 100.0))
    assert d.each == pytest.approx((1, 2, 3))
    assert (d.mean, d.low, d.high) == pytest.approx((2, 2 - 4.303 / 3**0.5, 2 + 4.303 / 3**0.5), abs=0.15)
    assert not d.documents_only


def test_long_documents_count_for_more() -> None:
    assert paired_difference(np.array([[300.0, 110.0]]), np.array([[300.0, 100.0]])).mean == pytest.approx(2.5)


@given(bits)
def test_an_arm_does_not_differ_from_itself(rows: list[list[float]]) -> None:
    d = paired_difference(np.array(rows), np.array(rows), draws=20)
    assert (d.mean, d.low, d.high) == (0, 0, 0)


@given(bits, st.floats(0.5, 2))
def test_a_constant_factor_is_found_without_doubt(rows: list[list[float]], factor: float) -> None:
    d = paired_difference(factor * np.array(rows), np.array(rows), draws=20)
    assert [d.mean, d.low, d.high] == pytest.approx([100 * (factor - 1)] * 3, abs=1e-9)


def test_the_same_numbers_give_the_same_interval() -> None:
    random = np.random.default_rng(0)
    first, second = random.uniform(1, 2, (2, 3, 20))
    assert paired_difference(first, second) == paired_difference(first, second)


@pytest.mark.parametrize(("seed_noise", "document_noise"), [(1.0, 0.1), (0.3, 3.0), (0.5, 5.0)])
def test_the_truth_is_inside_about_95_times_in_100(seed_noise: float, document_noise: float) -> None:
    """Three seeds, 60 documents of unequal length, an arm that is 2 % worse; noise in percent."""
    random, inside, times = np.random.default_rng(1), 0, 200
    for _ in range(times):
        second = random.lognormal(7, 0.7, 60) * random.normal(1, 0.01, (3, 1))
        percent = 2 + random.normal(0, seed_noise, (3, 1)) + random.normal(0, document_noise, 60)
        d = paired_difference(second * (1 + percent / 100), second, draws=200)
        inside += d.low <= 2 <= d.high
    assert 0.91 <= inside / times <= 0.995


@pytest.mark.parametrize("other", [np.ones((1, 2)), np.ones((2, 3)), np.ones(3)])
def test_runs_that_are_no_pairs_are_refused(other: np.ndarray) -> None:
    with pytest.raises(InputError, match="Only pairs of runs on the same documents can be compared"):
        paired_difference(np.ones((1, 3)), other)


def test_nothing_is_refused() -> None:
    with pytest.raises(InputError, match="Only pairs"):
        paired_difference(np.ones((0, 3)), np.ones((0, 3)))
