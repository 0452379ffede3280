import numpy as np
import pytest

from probes.metrics import Measured, Spread, augrc, auroc, brier, ece, reliability, spread
from tilelli.errors import InputError


def test_what_is_no_number_is_refused() -> None:
    with pytest.raises(InputError, match=r"A score is not a finite number: 1 of 2\."):
        auroc([1, np.nan], [True, False])
    with pytest.raises(InputError, match="Scores and labels must pair up"):
        auroc([1, 2], [True])


@pytest.mark.parametrize("label", [[0.5, 1], [2, 0], ["yes", "no"], [True, None], [float("nan"), 1]])
def test_a_label_that_is_neither_true_nor_false_is_refused(label: list[object]) -> None:
    with pytest.raises(InputError, match="neither true nor false"):
        augrc([1, 2], label)  # type: ignore[arg-type]


@pytest.mark.parametrize("outside", [-0.01, 1.01, 80])
def test_a_confidence_outside_its_range_raises_and_never_falls_out_of_the_bins(outside: float) -> None:
    for measure in (ece, reliability, brier):
        with pytest.raises(InputError, match=f"1 of 2, the first is {outside:g}"):
            measure([0.5, outside], [True, False])


def test_a_spread_leaves_out_what_is_undefined_and_says_so() -> None:
    nothing = Measured(None, None, None, 5)
    figures = [Measured(0.9, 0.8, 1, 5), nothing, Measured(0.7, 0.6, 0.8, 5)]
    assert spread(figures) == Spread(pytest.approx(0.8), 0.7, 0.9, 2)
    assert spread([nothing]) == Spread(None, None, None, 0)
