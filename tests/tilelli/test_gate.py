import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.linear_model import LogisticRegression

from tilelli.gate import RIDGE, Gate, fit


def test_without_weights_of_its_own_a_checkpoint_has_its_head_alone() -> None:
    for provenance in ({}, {"figures": {}}, {"figures": None}, {"figures": {"gate_head": 2.0}}):
        assert Gate.of(provenance) == Gate()
    assert not Gate().drafts
    assert Gate().probability(0.0, [5.0, 5.0]) == 0.5
    assert Gate().probability(math.log(3)) == pytest.approx(0.75)


@pytest.mark.parametrize("value", ["2", None, math.nan, math.inf, True])
def test_weights_that_are_no_numbers_are_left_alone(value: object) -> None:
    figures = Gate(1.0, 2.0, 3.0, 5.0, 4.0).figures() | {"gate_mean": value}
    assert Gate.of({"figures": figures}) == (Gate() if value is not True else Gate(1.0, 2.0, 1.0, 5.0, 4.0))


def test_a_gate_from_before_words_counted_gives_them_no_weight() -> None:
    figures = {name: value for name, value in Gate(1.0, 2.0, 3.0, 5.0, 4.0).figures().items() if name != "gate_words"}
    assert Gate.of({"figures": figures}) == Gate(1.0, 2.0, 3.0, 0.0, 4.0)


def test_what_is_written_down_comes_back() -> None:
    gate = Gate(1.5, 0.25, -0.5, 2.0, 0.125)
    assert Gate.of({"figures": gate.figures() | {"threshold": 0.3}}) == gate


def test_a_case_by_hand() -> None:
    gate = Gate(head=2.0, total=0.5, mean=1.0, words=1.5, bias=-3.0)
    z = 2.0 * 1.0 + 0.5 * 4.0 + 1.0 * 2.0 - 3.0
    assert gate.probability(1.0, [1.0, 3.0]) == pytest.approx(1 / (1 + math.exp(-z)))
    assert gate.probability(1.0, [1.0, 3.0], words=True) == pytest.approx(1 / (1 + math.exp(-z - 1.5)))


@given(st.floats(-1e6, 1e6), st.lists(st.floats(0, 100), max_size=50))
def test_it_is_a_probability_whatever_it_is_given(logit: float, bits: list[float]) -> None:
    assert 0 <= Gate(3.0, 1.0, 1.0).probability(logit, bits) <= 1


def test_it_is_the_logistic_regression_of_scikit_learn() -> None:
    random = np.random.default_rng(0)
    declines = random.random(400) < 0.4
    logit = random.normal(size=400) + declines
    bits = [tuple(random.exponential(1 + yes, size=random.integers(1, 9))) for yes in declines]
    words = random.random(400) < 0.2 + 0.4 * declines
    columns = np.column_stack((logit, [sum(b) for b in bits], [sum(b) / len(b) for b in bits], words))
    z = (columns - columns.mean(axis=0)) / columns.std(axis=0)
    peer = LogisticRegression(C=1 / (RIDGE * 400), tol=1e-10, max_iter=1000).fit(z, declines)
    gate = fit(logit, bits, words, declines)
    p = [gate.probability(*each) for each in zip(logit, bits, words, strict=True)]
    assert p == pytest.approx(peer.predict_proba(z)[:, 1], abs=1e-5)


def test_a_set_that_can_be_told_apart_leaves_finite_weights() -> None:
    gate = fit([-1.0, -2.0, 1.0, 2.0], [(1.0,)] * 4, [False] * 4, [False, False, True, True])
    assert all(math.isfinite(value) for value in gate.figures().values())
    assert gate.probability(2.0, (1.0,)) > 0.9 > 0.1 > gate.probability(-2.0, (1.0,))
