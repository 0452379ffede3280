import pytest

from probes.metrics import Measured
from probes.verdict import Rule, Sense, judge

CASES: list[tuple[Sense, float, Measured, str, bool]] = [
    ("at least", 0.9, Measured(0.95, 0.92, 0.97, 9), "met", False),
    ("at least", 0.9, Measured(0.91, 0.88, 0.94, 9), "met", True),
    ("at least", 0.9, Measured(0.89, 0.86, 0.92, 9), "missed", True),
    ("at most", 0.15, Measured(0.2, 0.18, 0.22, 9), "missed", False),
    ("at most", 0.15, Measured(0.15, None, None, 1), "met", False),
    ("clearly above", 0, Measured(0.1, 0.01, 0.2, 9), "met", False),
    ("clearly above", 0, Measured(0.1, -0.01, 0.2, 9), "missed", False),
    ("clearly above", 0, Measured(0, 0, 0, 9), "missed", False),
    ("at least", 0.9, Measured(None, None, None, 9), "undefined", False),
]


@pytest.mark.parametrize(("sense", "bound", "measured", "word", "narrow"), CASES)
def test_a_rule_says_met_missed_or_undefined(
    sense: Sense, bound: float, measured: Measured, word: str, narrow: bool
) -> None:
    (verdict,) = judge([Rule("test", "figure", sense, bound)], {("test", "figure"): measured})
    assert (verdict.word, verdict.narrow) == (word, narrow)


def test_what_was_not_measured_is_undefined() -> None:
    rule = Rule("test", "figure", "at least", 0.5)
    (verdict,) = judge([rule], {("other", "figure"): Measured(1, 1, 1, 1)})
    assert (verdict.word, verdict.measured) == ("undefined", None)
    assert str(rule) == "test: figure at least 0.5"
