"""Differences on the same rows: right by hand, narrow where both err alike, refused where rows are not the same."""

from dataclasses import replace

import pytest

from probes.banks import ABSTAIN_P, ADVANTAGE, HALLUCINATION
from probes.metrics import Measured, auroc_difference
from probes.paired import differences, table, unpaired
from tests.probes.results import abstained, coverage


def test_a_rate_differs_by_what_differs_in_its_rows() -> None:
    """Of ten unanswerable questions one model answers four, the other one of these."""
    first, other = abstained(made_up=4), abstained(made_up=1)
    found = differences(first, other)["part", HALLUCINATION]
    assert (found.value, found.n) == (pytest.approx(-0.3), 10)
    assert found.low is not None
    assert found.high is not None
    assert -0.7 < found.low < -0.3 < found.high <= 0


def test_what_both_share_cancels() -> None:
    """Both answer the same ten of twenty but for one: the difference is far surer than the rates."""
    first, other = abstained(n=40, made_up=10), abstained(n=40, made_up=11)
    found, alone = differences(first, other)["part", HALLUCINATION], first.figures["part", HALLUCINATION]
    assert None not in (found.low, found.high, alone.low, alone.high)
    assert found.high - found.low < 0.5 * (alone.high - alone.low)  # type: ignore[operator]


def test_rates_that_no_draw_moves_still_have_a_width() -> None:
    found = differences(abstained(made_up=0), abstained(made_up=0))["part", HALLUCINATION]
    assert found.value == 0
    assert found.low is not None
    assert found.low < -0.2


def test_the_auroc_of_a_signal_is_compared_on_the_same_draws() -> None:
    first, other = abstained(seed=1), abstained(seed=2)
    label = ~first.rows["answerable"].to_numpy(dtype=bool)
    scores = [result.rows["abstain_p"].to_numpy(dtype=float) for result in (other, first)]
    expected = auroc_difference(*scores, label, first.provenance["seed"])
    assert differences(first, other)["part", ABSTAIN_P] == expected


def test_a_ratio_of_columns_is_compared_row_by_row() -> None:
    first, other = coverage(seed=1), coverage(seed=2)
    found = differences(first, other)["Latin", "bits per byte"]
    latin = [result.rows[result.rows["part"] == "Latin"] for result in (other, first)]
    value = [rows["bits"].sum() / rows["bytes"].sum() for rows in latin]
    assert (found.value, found.n) == (pytest.approx(value[0] - value[1]), 10)
    assert found.low is not None


def test_a_result_does_not_differ_from_itself() -> None:
    assert {found.value for found in differences(coverage(), coverage()).values()} == {0}


def test_swapping_both_turns_the_sign() -> None:
    first, other = coverage(seed=1), coverage(seed=2)
    there, back = (differences(*pair)["Latin", "bits per byte"] for pair in ((first, other), (other, first)))
    assert (there.value, there.low, there.high) == pytest.approx((-back.value, -back.high, -back.low), abs=1e-3)  # type: ignore[operator]


def test_a_figure_that_its_rows_do_not_give_has_no_difference() -> None:
    wrong = {**coverage().figures, ("Latin", "bits per byte"): Measured(1.0, None, None, 12)}
    assert ("Latin", "bits per byte") not in differences(coverage(), replace(coverage(), figures=wrong))
    assert ("part", ADVANTAGE) not in differences(abstained(), abstained(seed=2))


def test_rows_that_are_not_the_same_are_not_paired() -> None:
    first = coverage()
    fewer = replace(first, rows=first.rows[:-1])
    assert unpaired([first, coverage(seed=2)]) is None
    assert "not asked the same questions" in (unpaired([first, first, fewer]) or "")
    assert "different probes" in (unpaired([first, abstained()]) or "")
    assert "keeps no text" in (unpaired([replace(first, rows=first.rows[["bits"]])] * 2) or "")
    assert differences(first, fewer) == {}


def test_the_table_holds_every_difference_to_the_first() -> None:
    results = [coverage(seed=seed) for seed in range(3)]
    found = table(results)
    assert found["difference"].unique().tolist() == ["B less A", "C less A"]
    own = differences(results[0], results[2])["Latin", "bits per byte"]
    line = found[(found["difference"] == "C less A") & (found["figure"] == "bits per byte")].iloc[0]
    assert (line["value"], line["low"], line["high"], line["n"]) == (own.value, own.low, own.high, own.n)
