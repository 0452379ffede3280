"""Cells and marks are the numbers of the probe's tables; what is undefined has none."""

import numpy as np
import pandas as pd
import pytest

from app.figures import metacognition as figures
from probes.metacognition import FAILED, SHIFTED, judged
from probes.verdict import PUBLISHED
from tests.probes.test_metacognition import stub

KNOWN = judged(stub(entropy_mean=lambda rows, _: (rows["part"] == "gibberish").astype(float)), PUBLISHED)
TABLE = KNOWN.tables[SHIFTED]


def test_a_cell_is_the_auroc_of_a_signal_in_a_regime() -> None:
    found = figures.gather(TABLE)
    assert found.regimes == list(PUBLISHED.parts)
    row, column = found.signals.index("entropy_mean"), found.regimes.index("gibberish")
    assert (found.values[row][column], found.words[row][column]) == (1.0, "1")
    assert found.words[row][found.regimes.index("ood_topic")] == ".50"
    assert {word for row in figures.gather(TABLE.assign(auroc=0.0)).words for word in row} == {"0"}
    assert "30 of 60" in found.notes[row][column]
    values = TABLE.pivot(index="signal", columns="regime", values="auroc").loc[found.signals, found.regimes]
    assert np.array(figures.grid(TABLE).data[0].z) == pytest.approx(values.to_numpy())


def test_what_is_undefined_has_no_colour_and_a_dash() -> None:
    asked = stub()
    found = figures.gather(judged(asked, None).tables[FAILED].assign(auroc=np.nan))
    assert {value for row in found.values for value in row} == {None}
    assert {word for row in found.words for word in row} == {"–"}
    assert "undefined" in found.notes[0][0]


def test_both_marks_of_a_signal_are_its_figures() -> None:
    every, alike = figures.signals(TABLE, "gibberish").data
    own = TABLE[TABLE["regime"] == "gibberish"]
    assert list(every.x) == own["auroc"].tolist()
    assert list(alike.x) == own["matched"].dropna().tolist()
    assert np.array(every.x) + np.array(every.error_x.array) == pytest.approx(own["high"].to_numpy())


def test_the_rule_is_drawn_against_its_margin() -> None:
    rule = KNOWN.tables["rule"].query("question == @SHIFTED")
    fig = figures.rule(rule, PUBLISHED.margin, "t")
    assert fig.layout.shapes[0].x0 == 0.02
    published = next(trace for trace in fig.data if trace.name == "router_conf, the rule as published")
    own = rule[(rule["signal"] == "router_conf") & (rule["against"] == "as published")]
    assert list(published.x) == own["difference"].tolist()


def test_models_stand_side_by_side_and_one_may_lack_a_regime() -> None:
    figure = KNOWN.figures["gibberish", "AUROC of entropy_mean"]
    fig = figures.conditions({"alone": {"gibberish": figure}, "spliced": {"x": figure, "gibberish": figure}}, "t")
    assert [len(trace.x) for trace in fig.data] == [1, 2]


def test_right_and_wrong_choices_are_counted_apart() -> None:
    trials = pd.DataFrame({"right": [True, True, False], "confidence": [0.9, 1.0, 0.5]})
    right, wrong = figures.sure(trials).data
    assert (list(right.x), list(wrong.x)) == ([0.9, 1.0], [0.5])
    assert right.name == "right (2)"
    assert right.xbins.end > 1


def test_before_it_was_asked_it_says_what_will_appear() -> None:
    assert "as soon as it was asked" in figures.grid(None).layout.annotations[0].text
    assert "No forced choice" in figures.sure(None).layout.annotations[0].text
