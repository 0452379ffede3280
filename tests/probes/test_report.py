"""A result as text: sentences first, then verdicts, then every figure."""

import pandas as pd

from probes.metrics import Measured
from probes.report import probe
from probes.result import ProbeResult
from probes.verdict import Rule, judge

RULE = Rule("one", "a", "no worse by", 0.1)


def result() -> ProbeResult:
    figures = {
        ("one", "a"): Measured(0.5, 0.25, 0.75, 10),
        ("two", "a"): Measured(None, None, None, 3),
        ("alone", "b"): Measured(2.0, None, None, 1),
    }
    known = {"weights": "f" * 64, "bank": {}, "seed": 3}
    tables = {"findings": pd.DataFrame({"finding": ["It does."]})}
    return ProbeResult("p", "m", pd.DataFrame(), figures, judge((RULE,), figures), ("Beware.",), known, tables)


def test_parts_with_the_same_figures_stand_side_by_side_and_nothing_is_left_out() -> None:
    assert probe(result()).splitlines() == [
        "p of m (ffffffffffff); seed 3",
        "",
        "It does.",
        "",
        "tie  one: a no worse by 0.1  0.500 [0.250, 0.750]",
        "",
        "     a                     n",
        "one  0.500 [0.250, 0.750]  10",
        "two  undefined             3",
        "",
        "alone:",
        "b  2.000  n 1",
        "",
        "Note: Beware.",
    ]
