import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from probes.groups import FEWEST, STRETCHES, average, means, stretches

RANDOM = np.random.default_rng(0)


def test_means_worked_by_hand() -> None:
    values = np.array([[1.0, np.nan], [3.0, 4.0], [5.0, 6.0]])
    found = means(values, np.array([7, 7, 9]))
    assert found.value.tolist() == [3, 5]
    assert found.groups.tolist() == [9 / 5, 2]  # 3 rows in groups of 2 and 1; and 2 rows in 1 and 1
    assert np.isnan([found.low, found.high, found.p]).all()  # fewer than four groups


def test_with_a_row_a_group_the_p_is_that_of_an_ordinary_t_test() -> None:
    values = RANDOM.normal(0.4, 1, (20, 5))
    expected = stats.ttest_1samp(values, 0, alternative="greater").pvalue
    np.testing.assert_allclose(means(values, np.arange(20)).p, expected)


def test_equal_groups_count_as_often_as_there_are_groups_however_large() -> None:
    values = RANDOM.normal(0.2, 1, (8, 1))
    many = means(np.repeat(values, 50, axis=0), np.repeat(np.arange(8), 50))
    np.testing.assert_allclose(many.p, means(values, np.arange(8)).p)
    assert many.groups == pytest.approx(8)


def test_the_interval_of_many_groups_is_that_of_the_normal_distribution() -> None:
    values = RANDOM.normal(0, 1, (400, 1))
    found = means(values, np.arange(400))
    half = 1.96 * values.std() / 20
    np.testing.assert_allclose([found.low[0], found.high[0]], [found.value[0] - half, found.value[0] + half], atol=0.02)


def test_the_interval_holds_the_truth_about_as_often_as_it_says_though_rows_hang_together() -> None:
    group, held = np.repeat(np.arange(10), 12), 0
    for _ in range(60):
        values = RANDOM.normal(0, 1, 10)[group][:, None] + RANDOM.normal(0, 0.1, (120, 1))
        found = means(values, group)
        held += int(found.low[0] <= 0 <= found.high[0])
    assert held >= 51  # 57 expected; with single rows resampled it would be about 25


def test_what_never_varies_is_certain_and_nothing_is_not() -> None:
    found = means(np.array([[1.0, 0.0, -1.0]] * 8), np.arange(8))
    assert found.p.tolist() == [0, 1, 1]
    assert found.low.tolist() == found.high.tolist() == [1, 0, -1]


@given(st.integers(0, 6), st.integers(0, 3))
def test_however_few_rows_there_are_the_answer_is_a_number_or_undefined(n: int, M: int) -> None:
    found = means(RANDOM.normal(size=(n, M)), np.arange(n))
    assert found.value.shape == found.low.shape == found.p.shape == (M,)
    assert np.isnan(found.value).all() == (n == 0 or M == 0)
    assert np.isnan(found.p).all() == (n < FEWEST or M == 0)


def test_an_average_leaves_out_what_is_undefined() -> None:
    assert average(np.array([[1, np.nan, 3], [4, 4, 4]])).tolist() == [2, 4]
    assert np.isnan(average(np.array([np.nan])))


@given(st.integers(0, 100))
def test_stretches_cut_a_text_into_equal_pieces(T: int) -> None:
    sizes = np.bincount(stretches(T), minlength=STRETCHES)
    assert sizes.sum() == T
    assert sizes.max() - sizes.min() <= 1
    assert (np.diff(stretches(T)) >= 0).all()
