"""The rows behind a figure are as many as it counts."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from probes.abstain import RATES
from probes.calibration import measure
from probes.metacognition import judged
from probes.reports.behind import behind
from probes.result import ProbeResult
from tests.probes.results import abstained, coverage
from tests.probes.test_calibration import stated
from tests.probes.test_metacognition import stub


@pytest.mark.parametrize("name", RATES)
def test_a_rate_has_just_the_rows_it_counts(name: str) -> None:
    result = abstained(n=40, made_up=7, halves=True)
    assert behind(result, ("part", name)).sum() == result.figures["part", name].n


def test_a_figure_has_the_rows_of_its_part_and_else_all_rows() -> None:
    result = coverage()
    assert behind(result, ("Greek", "bits per byte")).sum() == 2
    assert behind(result, ("failure: Greek", "AUROC")).sum() == 2
    assert behind(result, ("byte class", "letter")).all()


def test_a_regime_is_held_against_the_domain_and_failures_against_what_is_right() -> None:
    asked = stub()
    right = asked.rows["right"].where(asked.rows.index % 3 > 0)
    result = judged(replace(asked, rows=asked.rows.assign(right=right)), None)
    for place, figure in result.figures.items():
        assert behind(result, place).sum() == figure.n
    assert not behind(result, ("choices", "d'")).any()


def test_a_confidence_has_the_answers_it_was_read_on() -> None:
    rows = pd.DataFrame({"part": "p"}, index=range(600))
    each = replace(stated(), row=np.arange(600))
    figures, tables = measure([each])
    result = ProbeResult("calibration", "m", rows, figures, tables=tables)
    for place, figure in figures.items():
        assert behind(result, place).sum() == figure.n
    assert behind(replace(result, tables={}), ("p", "ECE of s")).all()
