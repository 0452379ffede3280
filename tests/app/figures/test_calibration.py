"""Dots, lines and bars are the numbers of the probe's tables."""

import numpy as np
import pandas as pd
import pytest

from app.figures import calibration as figures
from probes.calibration import measure
from tests.probes.test_calibration import stated

TABLES = measure([stated(over=2.0, n=1200)])[1]
BINS = TABLES["reliability"].query("equal == 'width'").reset_index(drop=True)
WHOLE = TABLES["measures"].query("kind == 'all'").reset_index(drop=True)
KINDS = TABLES["measures"].query("kind != 'all'").reset_index(drop=True)


def test_a_dot_stands_where_a_bin_says_and_is() -> None:
    fig = figures.reliability(BINS, TABLES["line"])
    dots = next(trace for trace in fig.data if trace.mode == "markers")
    assert np.array(dots.x) == pytest.approx(BINS["confidence"].to_numpy())
    assert np.array(dots.y) == pytest.approx(BINS["accuracy"].to_numpy())
    assert np.array(dots.y) + np.array(dots.error_y.array) == pytest.approx(BINS["accuracy_high"].to_numpy())
    high, low = (trace for trace in fig.data if trace.hoverinfo == "skip")
    assert (np.array(high.y) >= np.array(low.y)).all()


def test_the_orange_line_only_rises() -> None:
    found = figures.gather(BINS, TABLES["line"])
    assert found.y == sorted(found.y)


def test_answers_that_hang_together_have_no_band() -> None:
    tables = measure([stated(n=150, times=4)])[1]
    bins = tables["reliability"].query("equal == 'width'")
    assert figures.gather(bins, tables["line"]).low is None
    fig = figures.reliability(bins, tables["line"])
    assert not [trace for trace in fig.data if trace.hoverinfo == "skip"]
    assert sum(next(trace for trace in fig.data if trace.mode == "markers").error_y.array) == 0


def test_errors_stand_beside_what_calibrated_models_would_show() -> None:
    fig = figures.errors(WHOLE)
    marks = {trace.name: list(trace.x) for trace in fig.data if trace.type == "scatter"}
    assert marks["equal width"] == WHOLE["ece"].tolist()
    assert marks["after one temperature"] == WHOLE["ece_after"].tolist()
    bands = [list(trace.x) for trace in fig.data if trace.type == "bar"]
    assert bands == [WHOLE["ece_band"].tolist(), WHOLE["ece_mass_band"].tolist()]


def test_what_is_gained_and_lost_adds_up_to_what_is_left() -> None:
    found = figures.gather_split(WHOLE)
    assert np.array(found.gained) + np.array(found.lost) == pytest.approx(np.array(found.left))
    assert found.lost[0] > 0 > found.gained[0]


def test_each_kind_has_both_marks() -> None:
    fig = figures.kinds(KINDS)
    assert [list(trace.x) for trace in fig.data] == [KINDS["confidence"].tolist(), KINDS["accuracy"].tolist()]
    assert list(fig.layout.yaxis.ticktext) == KINDS["kind"].tolist() == ["a", "b"]


def test_what_was_not_fitted_has_no_mark() -> None:
    gone = WHOLE.drop(columns=["ece_after", "ece_after_low", "ece_after_high"]).assign(temperature=None)
    after = next(trace for trace in figures.errors(gone).data if trace.name == "after one temperature")
    assert not after.x


def test_before_it_was_asked_it_says_what_will_appear() -> None:
    assert "as soon as it was asked" in figures.reliability(None, None).layout.annotations[0].text
    assert not figures.split(WHOLE.assign(miscalibration=np.nan)).data
    assert not figures.reliability(BINS[:0], pd.DataFrame()).data
