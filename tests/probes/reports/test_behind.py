"""The rows behind a figure are as many as it counts."""

import pytest

from probes.abstain import RATES
from probes.reports.behind import behind
from tests.probes.results import abstained, coverage


@pytest.mark.parametrize("name", RATES)
def test_a_rate_has_just_the_rows_it_counts(name: str) -> None:
    result = abstained(n=40, made_up=7, halves=True)
    assert behind(result, ("part", name)).sum() == result.figures["part", name].n


def test_a_figure_has_the_rows_of_its_part_and_else_all_rows() -> None:
    result = coverage()
    assert behind(result, ("Greek", "bits per byte")).sum() == 2
    assert behind(result, ("failure: Greek", "AUROC")).sum() == 2
    assert behind(result, ("byte class", "letter")).all()
