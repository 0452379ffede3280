import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.metrics import Measured, Spread, auroc, auroc_difference, ratio, spread, wilson
from tilelli.errors import InputError

SOME = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=30)


def drawn(seed: int, n: int = 300, shift: float = 1.0) -> tuple[np.ndarray, np.ndarray]:
    """Scores that tell two classes apart by `shift` standard deviations, and the classes."""
    random = np.random.default_rng(seed)
    label = random.random(n) < 0.4
    return random.normal(size=n) + shift * label, label


def delong(score: np.ndarray, label: np.ndarray) -> float:
    """The standard error of an AUROC by DeLong et al. (1988)."""
    positive, negative = score[label], score[~label]
    wins = (positive[:, None] > negative) + 0.5 * (positive[:, None] == negative)
    one, other = wins.mean(axis=1), wins.mean(axis=0)
    return float(np.sqrt(one.var(ddof=1) / len(one) + other.var(ddof=1) / len(other)))


def test_an_auroc_worked_by_hand() -> None:
    assert auroc([1, 2, 2, 3], [False, True, False, True]).value == (1 + 0.5 + 1 + 1) / 4


def test_a_perfect_score_leaves_nothing_open() -> None:
    assert auroc([0.1, 0.2, 0.8], [False, False, True]) == Measured(1.0, 1.0, 1.0, 3)


@given(SOME)
def test_auroc_agrees_with_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    from sklearn.metrics import roc_auc_score

    score, label = zip(*rows, strict=True)
    if len(set(label)) == 2:
        assert auroc(score, label).value == pytest.approx(roc_auc_score(label, score), abs=1e-12)


@given(SOME)
def test_auroc_knows_only_the_order(rows: list[tuple[int, bool]]) -> None:
    score, label = zip(*rows, strict=True)
    assert auroc(np.exp(np.array(score, dtype=float)), label) == auroc(score, label)


@given(SOME)
def test_auroc_of_the_other_class_is_its_complement(rows: list[tuple[int, bool]]) -> None:
    score, label = zip(*rows, strict=True)
    one, other = auroc(score, label).value, auroc(score, [not is_ for is_ in label]).value
    assert (one is None) == (other is None)
    assert one is None or other is None or one + other == pytest.approx(1)


@pytest.mark.parametrize("label", [[True, True], [False, False]])
def test_with_one_class_nothing_is_defined(label: list[bool]) -> None:
    assert auroc([1, 2], label) == auroc_difference([1, 2], [2, 1], label) == Measured(None, None, None, 2)
    assert auroc([], []) == Measured(None, None, None, 0)


def test_the_interval_is_that_of_delong() -> None:
    score, label = drawn(0)
    found = auroc(score, label)
    assert found.low is not None
    assert found.high is not None
    assert (found.high - found.low) / 2 == pytest.approx(1.96 * delong(score, label), rel=0.1)


def test_the_interval_holds_the_truth_19_times_in_20() -> None:
    from statistics import NormalDist

    truth = NormalDist().cdf(1 / 2**0.5)
    found = [auroc(*drawn(seed, n=80)) for seed in range(60)]
    held = sum(f.low <= truth <= f.high for f in found if f.low is not None and f.high is not None)
    assert 52 <= held <= 60


def test_a_difference_is_paired() -> None:
    score, label = drawn(1)
    same = auroc_difference(score, 2 * score, label)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    near = auroc_difference(score, score + 0.1 * drawn(2)[0], label)
    alone = auroc(score, label)
    assert near.findable is not None
    assert alone.findable is not None
    assert near.findable < alone.findable / 4


def test_a_difference_is_the_difference() -> None:
    (one, label), (other, _) = drawn(3), drawn(4)
    expected = (auroc(one, label).value or 0) - (auroc(other, label).value or 0)
    found = auroc_difference(one, other, label)
    assert found.value == pytest.approx(expected)
    assert auroc_difference(other, one, label).value == pytest.approx(-expected)


def test_the_same_seed_gives_the_same_interval_and_another_one_nearly() -> None:
    score, label = drawn(5)
    assert auroc(score, label, seed=1) == auroc(score, label, seed=1)
    assert auroc(score, label, seed=1) != auroc(score, label, seed=2)
    assert auroc(score, label, seed=1).low == pytest.approx(auroc(score, label, seed=2).low or 0, abs=0.01)


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match=r"A score is not a finite number: 1 of 2\."):
        auroc([1, np.nan], [True, False])
    with pytest.raises(InputError, match="Scores and labels must pair up"):
        auroc([1, 2], [True])


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
def test_a_share_lies_within_its_interval(k: int, more: int) -> None:
    found = wilson(k, k + more)
    if found.value is not None and found.low is not None and found.high is not None:
        assert 0 <= found.low <= found.value <= found.high <= 1


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


def test_a_spread_leaves_out_what_is_undefined_and_says_so() -> None:
    nothing = Measured(None, None, None, 5)
    figures = [Measured(0.9, 0.8, 1, 5), nothing, Measured(0.7, 0.6, 0.8, 5)]
    assert spread(figures) == Spread(pytest.approx(0.8), 0.7, 0.9, 2)
    assert spread([nothing]) == Spread(None, None, None, 0)
