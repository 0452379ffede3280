import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.metrics import Measured, ratio, wilson
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
