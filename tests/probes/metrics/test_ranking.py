import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.metrics import Measured, auroc, auroc_difference, aurocs, delong, delong_difference
from tests.probes.metrics.known import held, ranked
from tilelli.errors import InputError

SOME = st.lists(st.tuples(st.integers(-5, 5), st.booleans()), min_size=2, max_size=30)
NOTHING = Measured(None, None, None, 2)


def test_an_auroc_worked_by_hand() -> None:
    found = auroc([1, 2, 2, 3], [False, True, False, True])
    assert found == Measured((1 + 0.5 + 1 + 1) / 4, None, None, 4)  # two of a class are too few for an interval


@given(SOME)
def test_auroc_agrees_with_scikit_learn(rows: list[tuple[int, bool]]) -> None:
    from sklearn.metrics import roc_auc_score

    score, label = zip(*rows, strict=True)
    if len(set(label)) == 2:
        assert auroc(score, label).value == pytest.approx(roc_auc_score(label, score), abs=1e-12)


def test_auroc_agrees_with_torchmetrics() -> None:
    import torch
    from torchmetrics.functional.classification import binary_auroc

    score, label = ranked(0)
    expected = binary_auroc(torch.sigmoid(torch.tensor(score)), torch.tensor(label).long())
    assert auroc(score, label).value == pytest.approx(float(expected), abs=1e-6)


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
    assert auroc([1, 2], label) == auroc_difference([1, 2], [2, 1], label) == NOTHING
    table = aurocs({"a": [1, 2], "b": [2, 1]}, label)
    assert table.figures == {"a": NOTHING, "b": NOTHING}
    assert (table.difference("a", "b"), table.p("a", "b"), table.best(["a", "b"])) == (NOTHING, None, None)
    assert auroc([], []) == Measured(None, None, None, 0)


def test_a_perfect_score_on_few_rows_leaves_something_open() -> None:
    best, worst = auroc(*ranked(0, 0.9999999, 30, 30)), auroc(*ranked(0, 1e-7, 30, 30))
    assert (best.value, best.high, worst.value, worst.low) == (1, 1, 0, 0)
    assert best.low == pytest.approx(
        0.93302, abs=1e-5
    )  # 1 - t = 1.96^2 t (1 + 29 (1 - t) / (2 - t) + 29 t / (1 + t)) / 900
    assert worst.high == pytest.approx(1 - 0.93302, abs=1e-5)
    assert (auroc(*ranked(0, 0.9999999, 300, 300)).low or 0) > 0.99


def test_two_perfect_scores_may_still_differ() -> None:
    score, label = ranked(0, 0.9999999, 30, 30)
    found = auroc_difference(score, score**3, label)
    assert found.value == 0
    assert (found.low, found.high) == (pytest.approx(-0.067, abs=1e-3), pytest.approx(0.067, abs=1e-3))


@pytest.mark.parametrize("auroc_", [0.5, 0.75, 0.9])
def test_the_interval_holds_the_truth_in_at_least_93_of_100(auroc_: float) -> None:
    assert held(auroc_, (auroc(*ranked(seed, auroc_, 40, 60)) for seed in range(100))) >= 93


def test_the_interval_of_a_difference_holds_the_truth_in_at_least_930_of_1000() -> None:
    def difference(seed: int) -> Measured:
        (one, label), (other, _) = ranked(seed, 0.85, 50, 50), ranked(seed + 1000, 0.8, 50, 50)
        return auroc_difference(one, other, label)

    assert held(0.05, map(difference, range(1000))) >= 930  # of the first 100 it holds 90: they are too few to tell


def test_the_intervals_are_those_of_delong() -> None:
    (one, label), (other, _) = ranked(0, 0.75, 150, 150), ranked(1, 0.7, 150, 150)
    for found, check in (
        (auroc(one, label), delong(one, label)),
        (auroc_difference(one, other, label), delong_difference(one, other, label)),
    ):
        assert found.value == pytest.approx(check.value)
        assert [found.low, found.high] == pytest.approx([check.low, check.high], abs=0.01)


def test_a_difference_is_paired() -> None:
    score, label = ranked(1, positives=150, negatives=150)
    same = auroc_difference(score, 2 * score, label)
    assert (same.value, same.low, same.high) == (0, 0, 0)
    near = auroc_difference(score, score + 0.1 * ranked(2, positives=150, negatives=150)[0], label)
    assert (near.findable or 1) < (auroc(score, label).findable or 0) / 4


def test_what_is_findable_is_found_four_times_in_five() -> None:
    """With sd = half the interval / 1.96, a difference of 0.1 that is findable at 0.1 is clear in 80 of 100."""
    assert Measured(0, -0.0699562, 0.0699562, 60).findable == pytest.approx(0.1, abs=1e-5)
    assert Measured(0, None, None, 4).findable is None


def test_many_scores_at_once_are_each_alone_and_all_see_the_same_draws() -> None:
    (one, label), (other, _) = ranked(3), ranked(4)
    table = aurocs({"one": one, "other": other, "again": one}, label)
    assert table.figures == {"one": auroc(one, label), "other": auroc(other, label), "again": auroc(one, label)}
    assert table.difference("one", "other") == auroc_difference(one, other, label)
    assert table.difference("other", "one").value == pytest.approx(-(auroc_difference(one, other, label).value or 0))
    assert (table.drawn["one"] == table.drawn["again"]).all()
    assert table.best(["other", "one"]) == max(("one", "other"), key=lambda name: table.figures[name].value or 0)
    assert aurocs({}, label).best([]) is None


def test_the_p_of_a_difference_is_that_of_delong_and_fair_under_no_difference() -> None:
    (one, label), (other, _) = ranked(3), ranked(4, 0.9)
    table = aurocs({"one": one, "other": other, "again": one}, label)
    assert table.p("one", "other") == delong_difference(one, other, label).p
    assert table.p("one", "again") == 1
    p = [delong_difference(ranked(seed)[0], *ranked(seed + 500)).p or 0 for seed in range(300)]
    assert 3 <= sum(each < 0.05 for each in p) <= 27
    assert delong_difference([1, 2, 3], [3, 1, 2], [True, False, False]).p is None


def test_the_same_seed_gives_the_same_interval_and_another_one_nearly() -> None:
    score, label = ranked(5)
    assert auroc(score, label, seed=1) == auroc(score, label, seed=1)
    assert auroc(score, label, seed=1) != auroc(score, label, seed=2)
    assert auroc(score, label, seed=1).low == pytest.approx(auroc(score, label, seed=2).low or 0, abs=0.01)


def test_rows_that_repeat_one_another_make_an_interval_no_narrower() -> None:
    score, truth = ranked(0, positives=40, negatives=40)
    once = auroc(score, truth)
    four, group = (np.repeat(score, 4), np.repeat(truth, 4)), np.repeat(np.arange(80), 4)
    together = aurocs({"": four[0]}, four[1], 0, group).figures[""]
    alone = aurocs({"": four[0]}, four[1]).figures[""]
    assert together.value == pytest.approx(once.value)
    assert (together.high or 0) - (together.low or 0) == pytest.approx((once.high or 0) - (once.low or 0), rel=0.1)
    assert (alone.high or 0) - (alone.low or 0) < 0.65 * ((together.high or 0) - (together.low or 0))


def test_groups_hold_the_truth_where_rows_of_a_group_are_alike() -> None:
    figures = []
    for seed in range(60):
        score, truth = ranked(seed, positives=30, negatives=30)
        group, random = np.repeat(np.arange(60), 3), np.random.default_rng(seed)
        near = np.repeat(score, 3) + 0.1 * random.normal(size=180)
        figures.append(aurocs({"": near}, np.repeat(truth, 3), seed, group).figures[""])
    assert held(0.75, figures) >= 54


def test_a_difference_of_groups_has_a_p_from_its_interval() -> None:
    score, truth = ranked(1, auroc=0.8)
    other = np.random.default_rng(0).normal(size=len(truth))
    found = aurocs({"one": score, "other": other}, truth, 0, np.arange(len(truth)) // 2)
    p = found.p("one", "other")
    difference = found.difference("one", "other")
    assert p is not None
    assert (p < 0.05) == ((difference.low or 0) > 0)


def test_every_row_needs_a_group() -> None:
    with pytest.raises(InputError, match="Every row needs a group"):
        aurocs({"": [0.1, 0.2]}, [True, False], 0, [1])
