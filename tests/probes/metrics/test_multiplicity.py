import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.metrics import benjamini_hochberg, holm
from tilelli.errors import InputError

PS = st.lists(st.floats(0, 1), max_size=12)


def test_holm_by_hand() -> None:
    assert holm([0.01, 0.04, 0.03, 0.5]).tolist() == pytest.approx([0.04, 0.09, 0.09, 0.5])
    assert holm([0.4, 0.9]).tolist() == pytest.approx([0.8, 0.9])
    assert holm([]).tolist() == []


def test_benjamini_hochberg_by_hand() -> None:
    assert benjamini_hochberg([0.01, 0.04, 0.03, 0.5]).tolist() == pytest.approx([0.04, 0.16 / 3, 0.16 / 3, 0.5])
    assert benjamini_hochberg([]).tolist() == []


@given(PS)
def test_adjusting_keeps_the_order_and_holm_is_the_stricter(p: list[float]) -> None:
    strict, mild = holm(p), benjamini_hochberg(p)
    order = np.argsort(p, kind="stable")
    assert (np.diff(strict[order]) >= 0).all()
    assert (strict >= mild - 1e-12).all()
    assert (mild >= np.array(p) - 1e-12).all()


@pytest.mark.parametrize("odd", [-0.1, 1.1, float("nan")])
def test_what_is_no_probability_is_refused(odd: float) -> None:
    for adjust in (holm, benjamini_hochberg):
        with pytest.raises(InputError, match="A p-value is no probability: 1 of 2"):
            adjust([0.5, odd])
