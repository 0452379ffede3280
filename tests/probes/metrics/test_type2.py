import numpy as np
import pytest
from scipy.optimize import minimize
from scipy.stats import norm

from probes.metrics import type2, type_two
from tilelli.errors import InputError


def trials(seed: int, n: int, d: float, noise: float = 0.0, shift: float = 0.0) -> tuple[np.ndarray, ...]:
    """Confidence, right, choice of a chooser whose confidence sees its evidence through `noise`."""
    random = np.random.default_rng(seed)
    shown = random.random(n) < 0.5
    evidence = random.normal(size=n) + d * (shown - 0.5)
    choice = evidence > shift
    seen = (evidence + noise * random.normal(size=n) - shift) * np.where(choice, 1, -1)
    return seen, choice == shown, choice


def test_an_ideal_chooser_has_an_m_ratio_of_one() -> None:
    found = type_two(*trials(0, 40_000, 1.5))
    assert found.d.value == pytest.approx(1.5, abs=0.04)
    assert found.meta_d.value == pytest.approx(1.5, abs=0.06)
    assert found.m_ratio.value == pytest.approx(1, abs=0.05)


def test_a_biased_one_has_it_too() -> None:
    assert type_two(*trials(1, 40_000, 1.5, shift=0.4)).m_ratio.value == pytest.approx(1, abs=0.06)


def test_noise_in_the_confidence_lowers_it_and_confidence_at_random_has_none() -> None:
    noisy = type_two(*trials(2, 20_000, 1.5, noise=1.0)).m_ratio
    assert 0.3 < (noisy.value or 0) < 0.8
    _, right, choice = trials(3, 20_000, 1.5)
    blind = type_two(np.random.default_rng(0).random(20_000), right, choice)
    assert blind.meta_d.value == pytest.approx(0, abs=0.1)
    assert (blind.meta_d.low or 0) < 0 < (blind.meta_d.high or 0)


def test_the_fit_is_the_highest_place_of_the_plainly_written_likelihood() -> None:
    """Two levels, so three numbers: meta-d' and a criterion on either side of that of the choice."""
    counts = np.array([[60, 30, 20, 12], [10, 22, 35, 58]]) + 1 / 4
    no = counts[:, :2].sum(axis=1) / counts.sum(axis=1)
    d, c = norm.ppf(no[0]) - norm.ppf(no[1]), norm.ppf(no).mean()

    def cost(place: np.ndarray) -> float:
        middle = place[0] * c / d
        edges = [-np.inf, middle - np.exp(place[1]), middle, middle + np.exp(place[2]), np.inf]
        total = 0.0
        for row, mean in zip(counts, (-place[0] / 2, place[0] / 2), strict=True):
            cell = np.diff(norm.cdf(edges, mean))
            given = np.repeat([cell[:2].sum(), cell[2:].sum()], 2)
            total -= (row * np.log(cell / given)).sum()
        return float(total)

    expected = minimize(cost, [1, -1, -1], method="Nelder-Mead", options={"xatol": 1e-7, "fatol": 1e-9}).x
    found_d, found = type2._fit((counts - 1 / 4)[None])[0]
    assert found_d == pytest.approx(d)
    assert found == pytest.approx(expected[0], abs=1e-4)


@pytest.mark.parametrize("change", ["all right", "one choice", "one level", "nothing"])
def test_where_there_is_nothing_to_tell_it_is_undefined(change: str) -> None:
    c, right, choice = trials(0, 200, 1.5)
    if change == "one choice":
        choice = np.ones_like(choice)
    if change == "one level":
        c = np.ones_like(c)
    if change == "nothing":
        c, right, choice = c[:0], right[:0], choice[:0]
    if change == "all right":
        choice, right = np.ones_like(choice), np.ones_like(right)
    assert [figure.value for figure in type_two(c, right, choice)] == [None] * 3


def test_a_task_at_chance_has_no_m_ratio() -> None:
    found = type_two(*trials(0, 300, 0.0))
    assert found.d.value is not None
    assert (found.meta_d.value, found.m_ratio.value) == (None, None)


def test_one_level_of_confidence_is_refused() -> None:
    with pytest.raises(InputError, match="two levels at least: 1"):
        type_two([0.5], [True], [1], levels=1)


def test_the_intervals_hold_the_truth_nearly_as_often_as_they_say() -> None:
    found = [type_two(*trials(seed, 500, 1.5), seed=seed) for seed in range(40)]
    for figures, truth in (([f.meta_d for f in found], 1.5), ([f.m_ratio for f in found], 1.0)):
        assert sum((f.low or 9) <= truth <= (f.high or 0) for f in figures) >= 35


def test_trials_that_repeat_one_another_make_an_interval_no_narrower() -> None:
    c, right, choice = trials(0, 300, 1.5)
    once = type_two(c, right, choice).d
    four = type_two(*(np.repeat(values, 4) for values in (c, right, choice)), group=np.repeat(np.arange(300), 4)).d
    assert four.value == pytest.approx(once.value, abs=0.02)
    assert (four.high or 0) - (four.low or 0) == pytest.approx((once.high or 0) - (once.low or 0), rel=0.2)
