import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from probes.metrics import FEWEST
from probes.resampling import MOST_SEGMENTS, SEGMENT, STRETCHES, average, means, paired, pieces, stretches
from tilelli.errors import InputError

RANDOM = np.random.default_rng(0)


def test_means_worked_by_hand() -> None:
    values = np.array([[1.0, np.nan], [3.0, 4.0], [5.0, 6.0]])
    found = means(values, np.array([7, 7, 9]))
    assert found.value.tolist() == [3, 5]
    assert found.groups.tolist() == [9 / 5, 2]  # 3 rows in groups of 2 and 1; and 2 rows in 1 and 1
    assert np.isnan([found.low, found.high, found.p]).all()  # too few groups


def test_with_a_row_a_group_the_p_is_that_of_an_ordinary_t_test() -> None:
    values = RANDOM.normal(0.4, 1, (20, 5))
    expected = stats.ttest_1samp(values, 0, alternative="greater").pvalue
    np.testing.assert_allclose(means(values, np.arange(20)).p, expected)


def test_equal_groups_count_as_often_as_there_are_groups_however_large() -> None:
    values = RANDOM.normal(0.2, 1, (8, 1))
    many = means(np.repeat(values, 50, axis=0), np.repeat(np.arange(8), 50))
    np.testing.assert_allclose(many.p, means(values, np.arange(8)).p)
    assert many.groups == pytest.approx(8)


@pytest.mark.parametrize("n", [400, MOST_SEGMENTS + 1])
def test_the_interval_of_many_groups_is_that_of_the_normal_distribution(n: int) -> None:
    values = np.random.default_rng(n).normal(0, 1, (n, 1))
    found, half = means(values, np.arange(n)), 1.96 * values.std(ddof=1) / math.sqrt(n)
    np.testing.assert_allclose([found.low[0], found.high[0]], [found.value[0] - half, found.value[0] + half], atol=0.02)


@pytest.mark.parametrize(("groups", "least"), [(5, 0.91), (6, 0.91), (16, 0.92)])
def test_the_interval_holds_the_truth_about_as_often_as_it_says_even_with_few_groups(groups: int, least: float) -> None:
    values = np.random.default_rng(groups).normal(1, 1, (groups, 400))  # the columns are drawn apart
    found = means(values, np.arange(groups))
    held = ((found.low <= 1) & (found.high >= 1)).mean()
    assert least <= held <= 0.99  # of 6, the plain percentile interval holds 0.86


def test_the_interval_holds_the_truth_though_rows_hang_together() -> None:
    group = np.repeat(np.arange(10), 12)
    values = np.random.default_rng(1).normal(0, 1, (10, 300))[group] + RANDOM.normal(0, 0.1, (120, 300))
    found = means(values, group)
    held = ((found.low <= 0) & (found.high >= 0)).mean()
    assert held >= 0.9  # with single rows drawn it would be about 0.4


def test_groups_of_different_sizes_hold_the_truth_too() -> None:
    group = np.repeat(np.arange(12), [30, 25, 20, 15, 10, 8, 6, 4, 3, 2, 2, 1])
    values = np.random.default_rng(2).normal(0, 1, (12, 300))[group] + RANDOM.normal(0, 0.1, (len(group), 300))
    found = means(values, group)
    assert found.groups[0] == pytest.approx(6.66, abs=0.01)
    assert ((found.low <= 0) & (found.high >= 0)).mean() >= 0.88


def test_what_never_varies_is_certain_and_nothing_is_not() -> None:
    found = means(np.array([[1.0, 0.0, -1.0]] * 8), np.arange(8))
    assert found.p.tolist() == [0, 1, 1]
    assert found.low.tolist() == found.high.tolist() == [1, 0, -1]


@given(st.integers(0, 7), st.integers(0, 3))
def test_however_few_rows_there_are_the_answer_is_a_number_or_undefined(n: int, M: int) -> None:
    found = means(RANDOM.normal(size=(n, M)), np.arange(n))
    assert found.value.shape == found.low.shape == found.p.shape == (M,)
    assert np.isnan(found.value).all() == (n == 0 or M == 0)
    assert np.isnan(found.p).all() == np.isnan(found.low).all() == (n < FEWEST or M == 0)


def test_there_is_no_negative_seed() -> None:
    with pytest.raises(InputError, match="no such seed: -1"):
        means(np.ones((9, 1)), np.arange(9), -1)


def test_an_average_leaves_out_what_is_undefined() -> None:
    values = np.array([[1, np.nan, 3], [4, 4, 4]])
    assert average(values).tolist() == [2, 4]
    assert average(values, axis=0).tolist() == [2.5, 4, 3.5]
    assert np.isnan(average(np.array([np.nan])))


@given(st.integers(0, 500), st.integers(1, 40))
def test_pieces_cover_the_text_in_order_and_differ_by_one_at_most(T: int, count: int) -> None:
    for group in (stretches(T), stretches(T, count), pieces(T, count)):
        sizes = np.bincount(group)
        assert sizes.sum() == T
        assert (np.diff(group) >= 0).all()
        assert not T or sizes[sizes > 0].max() - sizes.min() <= 1
    assert not T or len(set(pieces(T, count).tolist())) == max(1, T // count)
    assert len(set(stretches(T).tolist())) == min(T, STRETCHES)


def test_pieces_by_hand() -> None:
    assert np.bincount(pieces(10, 3)).tolist() == [4, 3, 3]
    assert pieces(2, 32).tolist() == [0, 0]


def test_the_p_of_a_change_is_that_of_a_two_sided_t_test_over_pieces() -> None:
    each = RANDOM.normal(0.3, 1, 12)
    bits = np.repeat(each, SEGMENT)
    for sign in (1, -1):
        found = paired(0 * bits, sign * bits)
        assert found.p == pytest.approx(stats.ttest_1samp(each, 0).pvalue)
        assert found.change.value == pytest.approx(sign * each.mean())


@pytest.mark.parametrize("more", [0, 1, 30])
def test_too_few_pieces_have_no_interval(more: int) -> None:
    few, many = FEWEST * SEGMENT - 1, FEWEST * SEGMENT + more
    short = paired(np.zeros(few), np.ones(few))
    assert (short.change.value, short.change.low, short.change.n, short.p) == (1.0, None, FEWEST - 1, None)
    enough = paired(np.zeros(many), np.ones(many))
    assert (enough.change.low, enough.change.high, enough.change.n, enough.p) == (1.0, 1.0, FEWEST, 0.0)
    assert paired(np.zeros(0), np.zeros(0)).change.value is None


def test_no_change_at_all_is_exactly_nothing() -> None:
    bits = np.random.default_rng(2).random(300)
    found = paired(bits, bits)
    assert (found.change.value, found.change.low, found.change.high, found.p) == (0.0, 0.0, 0.0, 1.0)


def test_pairs_cancel_what_is_hard_for_both() -> None:
    hard = np.repeat(np.random.default_rng(3).normal(5, 3, 20), SEGMENT)
    found = paired(hard, hard + np.random.default_rng(4).normal(0.1, 0.05, len(hard)))
    assert found.change.low is not None
    assert found.change.low > 0.09
    assert found.p is not None
    assert found.p < 1e-6


def test_a_long_text_has_longer_pieces_and_the_same_seed_gives_the_same() -> None:
    after = np.random.default_rng(5).random(SEGMENT * MOST_SEGMENTS * 2)
    found = paired(0 * after, after, seed=7)
    assert found.change.n == MOST_SEGMENTS
    assert found == paired(0 * after, after, seed=7)
    assert found != paired(0 * after, after, seed=8)
