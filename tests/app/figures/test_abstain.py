"""Bars are shares of the questions of a kind; curves are those of the workbench."""

import numpy as np
import pandas as pd
import pytest

from app.figures.abstain import COLOURS, cost, gather, outcomes, risk
from probes.abstain import GATED, OUTCOMES, WORDED
from probes.workbench import Costs, choose, selective
from tests.probes.results import abstained

TABLE = pd.DataFrame(
    [
        ("test", True, "right", 3),
        ("test", True, GATED, 1),
        ("test", False, "answered", 0),
        ("test", False, WORDED, 2),
        ("none", True, "right", 0),
    ],
    columns=["part", "answerable", "outcome", "rows"],
)


def test_bars_are_shares_worked_by_hand() -> None:
    kinds, bars = gather(TABLE)
    assert kinds == [("test", "it could know"), ("test", "it cannot know")]
    assert {bar.outcome: bar.shares for bar in bars} == {"right": [0.75, 0], GATED: [0.25, 0], WORDED: [0, 1]}
    assert bars[0].notes == ["right: 3 of 4", "right: 0 of 2"]


def test_every_outcome_has_a_colour_of_its_own() -> None:
    assert set(COLOURS) == {outcome for own in OUTCOMES.values() for outcome in own}
    assert len(set(COLOURS.values())) == len(COLOURS)


def test_the_bars_of_a_kind_add_up_to_all_of_it() -> None:
    fig = outcomes(abstained(n=40, made_up=7).tables["outcomes"])
    assert sum(np.array(bar.x) for bar in fig.data) == pytest.approx(np.ones(2))


def test_without_outcomes_it_says_what_will_appear() -> None:
    assert "as soon as it was asked" in outcomes(None).layout.annotations[0].text
    assert not outcomes(TABLE.assign(rows=0)).data


def test_the_curves_are_those_of_the_workbench() -> None:
    rows = abstained(n=60, halves=True).rows
    choice, found = choose(rows, "abstain_p", Costs(), 0.6), selective(rows, "abstain_p")
    line, dot = cost(choice).data
    assert np.array(line.y) == pytest.approx(choice.curve["cost"].to_numpy())
    assert dot.y[0] == choice.policies["chosen here"]["cost"].value
    assert dot.x[0] == choice.rows["silent"].mean()
    drawn = risk(found).data[-1]
    assert np.array(drawn.y) == pytest.approx(found.curve["risk"].to_numpy())
    assert not risk(found._replace(curve=found.curve[:0])).data
