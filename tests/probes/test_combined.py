import numpy as np
import pandas as pd
import pytest

from probes.combined import combined
from probes.metrics import auroc
from probes.signals import LENGTH


def made(seed: int, n: int = 200, real: bool = True) -> tuple[pd.DataFrame, np.ndarray]:
    """Two signals that each know a little, and a length that knows everything."""
    random = np.random.default_rng(seed)
    label = random.random(n) < 0.5
    x = random.normal(size=(n, 2)) + (label[:, None] if real else 0)
    return pd.DataFrame({"entropy_mean": x[:, 0], "abstain_p": x[:, 1], LENGTH: label.astype(float)}), label


def test_together_they_know_more_than_each_and_length_has_no_part_in_it() -> None:
    table, label = made(0, 600)
    scores = combined(table, label, np.zeros(600, dtype=bool))
    whole = auroc(scores, label).value or 0
    assert max(auroc(table[name], label).value or 0 for name in ("entropy_mean", "abstain_p")) < whole < 0.9


def test_of_noise_nothing_is_learned_that_can_be_read_on_other_rows() -> None:
    values = [auroc(combined(*made(seed, real=False), np.zeros(200, dtype=bool), seed), made(seed, real=False)[1]).value
              for seed in range(8)]  # fmt: skip
    assert np.mean([value or 0 for value in values]) < 0.55


def test_with_rows_to_choose_on_only_the_others_are_judged() -> None:
    table, label = made(1)
    calibration = np.arange(200) < 100
    scores = combined(table, label, calibration)
    assert (np.isnan(scores) == calibration).all()
    turned = label.copy()
    turned[~calibration] = ~turned[~calibration]
    np.testing.assert_array_equal(combined(table, turned, calibration), scores)


def test_rows_that_hang_together_are_not_learned_from_to_judge_one_another() -> None:
    random = np.random.default_rng(0)
    label = np.repeat(random.random(60) < 0.5, 4)
    table = pd.DataFrame({"entropy_mean": np.repeat(random.normal(size=60), 4)})  # a name tag, and nothing else
    scores = combined(table, label, np.zeros(240, dtype=bool), group=np.repeat(np.arange(60), 4))
    assert abs((auroc(scores, label).value or 0) - 0.5) < 0.2


@pytest.mark.parametrize("positives", [0, 5])
def test_from_too_few_rows_nothing_is_learned(positives: int) -> None:
    table, _ = made(2)
    assert np.isnan(combined(table, np.arange(200) < positives, np.zeros(200, dtype=bool))).all()


def test_a_signal_that_is_undefined_somewhere_is_left_out() -> None:
    table, label = made(3)
    with_gap = table.assign(router_conf=np.where(np.arange(200) == 7, np.nan, label))
    np.testing.assert_array_equal(
        combined(with_gap, label, np.zeros(200, dtype=bool)), combined(table, label, np.zeros(200, dtype=bool))
    )
