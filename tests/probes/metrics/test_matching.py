import numpy as np
import pytest

from probes.metrics import auroc, matched_auroc
from tests.probes.metrics.known import held, ranked


def test_only_pairs_that_are_alike_count() -> None:
    score, label, length = [1, 5, 3, 2, 9], [True, True, False, False, False], [10, 20, 10, 20, 90]
    found = matched_auroc(score, label, length)
    assert found.value == 0.5  # 1 below 3 at length 10, 5 above 2 at length 20; 9 is longer than all
    assert (found.n, found.pairs) == (4, 2 / 6)
    assert (found.before, found.after) == (pytest.approx(2 / 6), 0.5)  # a tie and a win of six, two ties of two


def test_a_signal_that_only_knows_lengths_loses_all_it_seemed_to_know() -> None:
    random = np.random.default_rng(0)
    label = np.arange(400) < 200
    length = random.normal(size=400) + label
    score = length + 0.3 * random.normal(size=400)
    assert (auroc(score, label).value or 0) > 0.7
    found = matched_auroc(score, label, length)
    assert found.value == pytest.approx(0.5, abs=0.05)
    assert (found.before or 0) > 0.7
    assert found.after == pytest.approx(0.5, abs=0.04)


def test_with_a_covariate_that_is_all_the_same_it_is_the_plain_auroc() -> None:
    score, label = ranked(0)
    found, plain = matched_auroc(score, label, np.full(120, 7.0)), auroc(score, label)
    assert (found.value, found.n, found.pairs, found.after) == (pytest.approx(plain.value), 120, 1, 0.5)
    assert [found.low, found.high] == pytest.approx([plain.low, plain.high])


def test_where_nothing_matches_it_is_undefined() -> None:
    found = matched_auroc([1, 2, 3, 4], [True, True, False, False], [1, 1, 9, 9])
    assert (found.value, found.low, found.n, found.pairs, found.before, found.after) == (None, None, 0, 0, 0, None)
    assert matched_auroc([1, 2], [True, True], [1, 1]).value is None


def test_the_interval_holds_the_truth_in_at_least_93_of_100() -> None:
    """A score that ranks with AUROC 0.75 whatever the length."""

    def figure(seed: int) -> object:
        score, label = ranked(seed)
        return matched_auroc(score, label, np.random.default_rng(seed + 999).normal(size=120) + label).figure

    assert held(0.75, map(figure, range(100))) >= 93  # type: ignore[arg-type]
