import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from probes.resampling import DRAWS, FEWEST, MOST_SEGMENTS, SEGMENT, beyond, holm, means, paired, pieces
from tilelli.errors import InputError


def test_pieces_cover_the_text_in_order_and_differ_by_one_at_most() -> None:
    sums, sizes = pieces(np.arange(10.0)[:, None], 3)
    assert sizes.tolist() == [3, 3, 4]
    assert sums[:, 0].tolist() == [0 + 1 + 2, 3 + 4 + 5, 6 + 7 + 8 + 9]
    assert pieces(np.ones((2, 1)), 32)[1].tolist() == [2]
    assert pieces(np.ones((0, 3)), 32)[0].shape == (0, 3)


@given(st.integers(1, 500), st.integers(1, 40))
def test_no_place_is_lost_or_counted_twice(T: int, length: int) -> None:
    values = np.random.default_rng(T).normal(size=(T, 2))
    sums, sizes = pieces(values, length)
    np.testing.assert_allclose(sums.sum(axis=0), values.sum(axis=0), atol=1e-9)
    assert sizes.sum() == T
    assert sizes.max() - sizes.min() <= 1


@pytest.mark.parametrize("t", [0.0, 0.3, 1.0, 2.5, -2.5, 10.0])
@pytest.mark.parametrize("freedom", [1, 4, 7, 30, 399])
def test_the_tails_of_t_are_those_of_scipy(t: float, freedom: int) -> None:
    assert beyond(t, freedom) == pytest.approx(2 * stats.t.sf(abs(t), freedom), rel=1e-4)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]).tolist() == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([0.4, 0.9]).tolist() == pytest.approx([0.8, 0.9])
    assert holm([]).tolist() == []


def test_the_interval_holds_the_truth_as_often_as_it_says_even_with_few_pieces() -> None:
    random, hits = np.random.default_rng(0), 0
    for seed in range(300):
        found = means(random.normal(1, 1, (6, 1)), np.ones(6), seed)
        hits += bool(found.low[0] <= 1 <= found.high[0])
    assert hits / 300 >= 0.91  # the plain percentile interval reaches 0.86 here


def test_with_many_pieces_it_is_the_interval_of_the_normal_distribution() -> None:
    values = np.random.default_rng(1).normal(size=(MOST_SEGMENTS, 1))
    found = means(values, np.ones(MOST_SEGMENTS))
    error = values.std(ddof=1) / math.sqrt(len(values))
    assert found.high[0] - found.low[0] == pytest.approx(2 * 1.96 * error, rel=0.08)


def test_too_few_pieces_have_no_interval() -> None:
    short = paired(np.zeros(FEWEST * SEGMENT - 1), np.ones(FEWEST * SEGMENT - 1))
    assert (short.change.value, short.change.low, short.change.n, short.p) == (1.0, None, FEWEST - 1, None)
    enough = paired(np.zeros(FEWEST * SEGMENT), np.ones(FEWEST * SEGMENT))
    assert (enough.change.low, enough.change.high, enough.p) == (1.0, 1.0, 0.0)


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


def test_there_is_no_negative_seed() -> None:
    with pytest.raises(InputError, match="no such seed: -1"):
        means(np.ones((9, 1)), np.ones(9), -1)
    assert DRAWS >= 1000
