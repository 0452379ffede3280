import numpy as np
import pytest

from probes.metrics import DRAWS, FEWEST, tail
from probes.metrics.draws import CELLS, mean, resampled


def test_each_draw_takes_as_many_rows_as_there_are_of_each_kind() -> None:
    (once,) = resampled([3, 7], seed=0)
    for drawn, n in zip(once, (3, 7), strict=True):
        assert drawn.shape == (DRAWS, n)
        assert (drawn.sum(axis=1) == n).all()
        np.testing.assert_allclose(drawn.mean(axis=0), 1, atol=0.1)


def test_many_rows_are_drawn_a_few_draws_at_a_time() -> None:
    n = 3 * CELLS // DRAWS
    pieces = [drawn for (drawn,) in resampled([n], seed=0)]
    assert sum(map(len, pieces)) == DRAWS
    assert max(piece.size for piece in pieces) <= CELLS


def test_few_rows_have_a_wider_interval_and_many_the_plain_one() -> None:
    assert tail(5) < tail(30) < tail(1e6)
    assert tail(1e6) == pytest.approx(0.025, abs=1e-5)


def test_the_interval_of_a_mean_is_that_of_the_normal_distribution() -> None:
    values = np.random.default_rng(0).normal(size=400)
    found, half = mean(values, 0), 1.96 * values.std(ddof=1) / 20
    assert [found.value, found.low, found.high] == pytest.approx(
        [values.mean(), values.mean() - half, values.mean() + half], abs=0.01
    )


def test_too_few_rows_have_no_interval() -> None:
    assert mean(np.ones(FEWEST - 1), 0).low is None
    assert mean(np.ones(FEWEST), 0).low == 1
    assert mean(np.ones(0), 0).value is None
