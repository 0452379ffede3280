import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.metrics import Measured, ratio, ratio_difference, share_difference, wilson
from tilelli.errors import InputError


def test_wilson_worked_by_hand() -> None:
    found = wilson(15, 100)  # (0.15 + 1.9207 / 100 -+ 1.96 sqrt(0.1275 / 100 + 0.9604 / 10000)) / 1.038415
    assert found.value == 0.15
    assert found.low == pytest.approx(0.09306, abs=1e-4)
    assert found.high == pytest.approx(0.23282, abs=1e-4)


def test_wilson_is_honest_about_none_and_all() -> None:
    none, every = wilson(0, 10), wilson(10, 10)
    assert (none.value, none.low, every.value, every.high) == (0, 0, 1, 1)
    assert none.high == pytest.approx(0.27753, abs=1e-4)
    assert every.low == pytest.approx(1 - 0.27753, abs=1e-4)
    assert wilson(0, 0) == Measured(None, None, None, 0)


@given(st.integers(0, 50), st.integers(0, 50))
def test_wilson_agrees_with_scipy(k: int, more: int) -> None:
    from scipy.stats import binomtest

    found = wilson(k, k + more)
    if found.value is not None:
        expected = binomtest(k, k + more).proportion_ci(method="wilson")
        assert (found.low, found.high) == (pytest.approx(expected.low, abs=1e-9), pytest.approx(expected.high))
        assert found.low <= found.value <= found.high


def test_more_than_all_is_refused() -> None:
    with pytest.raises(InputError, match="3 of 2"):
        wilson(3, 2)


def test_a_ratio_is_that_of_the_sums_and_is_paired() -> None:
    below = np.arange(1.0, 50)
    found = ratio(1.02 * below, below)
    assert [found.value, found.low, found.high] == pytest.approx([1.02] * 3)
    assert ratio([3, 1], [1, 1]).value == 2
    assert ratio([3], [2]) == Measured(1.5, None, None, 1)
    assert ratio([], []) == Measured(None, None, None, 0)
    with pytest.raises(InputError, match="finite pairs above 0"):
        ratio([1, 2], [1, 0])


def test_a_difference_of_shares_is_that_of_newcombe() -> None:
    found = share_difference(wilson(56, 70), wilson(48, 80))  # his example (a), method 10
    assert [found.value, found.low, found.high] == pytest.approx([0.2, 0.0524, 0.3339], abs=1e-4)
    assert found.n == 70


def test_shares_that_are_both_none_still_leave_room_for_a_difference() -> None:
    found = share_difference(wilson(0, 40), wilson(0, 40))
    assert found.low == pytest.approx(-0.08762, abs=1e-4)
    assert (found.value, found.high) == (0, -(found.low or 0))
    assert share_difference(wilson(0, 0), wilson(3, 4)) == Measured(None, None, None, 0)


@given(st.integers(0, 20), st.integers(0, 20))
def test_a_difference_of_shares_turned_round_is_its_negative(k: int, other: int) -> None:
    one, two = wilson(k, 20), wilson(other, 20)
    there, back = share_difference(one, two), share_difference(two, one)
    assert [there.value, there.low, there.high] == pytest.approx(
        [-(back.value or 0), -(back.high or 0), -(back.low or 0)]
    )


def test_a_difference_of_ratios_is_unpaired() -> None:
    same = (np.array([1.0, 2, 3, 4, 5, 6]), np.ones(6))
    found = ratio_difference((same[0] + 1, same[1]), same)
    assert found.value == pytest.approx(1)
    assert found.low is not None
    assert found.low < 0 < (found.high or 0)  # paired rows would leave no doubt
    assert ratio_difference(same, ([], [])) == Measured(None, None, None, 0)
    assert ratio_difference(same, ([1.0, 2], [1.0, 1])).low is None
    with pytest.raises(InputError, match="finite pairs above 0"):
        ratio_difference(same, ([1.0], [0.0]))
