from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.tilelli.experiment.conftest import PLAN, MakeRecord
from tilelli.experiment.figure import draw, ticks
from tilelli.experiment.plan import Plan
from tilelli.experiment.results import gather

SVG = "{http://www.w3.org/2000/svg}"


def words(svg: str) -> list[str]:
    return [text.text or "" for text in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def test_nothing_to_compare_is_a_titled_figure(plan: Plan) -> None:
    assert words(draw(gather(plan))) == ["Small against smaller", "Appears when two arms share a seed."]


def test_every_pair_and_its_mean_is_a_dot(plan: Plan, make_record: MakeRecord) -> None:
    for seed in (0, 1):
        make_record("vanilla", seed, (200, 200, 400))
        make_record("routed", seed, (190 + seed, 200, 400))
    svg = draw(gather(plan))
    dots = [float(dot.attrib["cx"]) for dot in ElementTree.fromstring(svg).iter(f"{SVG}circle")]
    assert len(dots) == 3
    assert dots[0] == pytest.approx(sum(dots[1:]) / 2, abs=0.1)
    assert {"0", "routed"} <= set(words(svg))
    assert "% from plain (validation split)" in words(svg)[-1]


def test_an_arm_without_a_pair_says_so(plan: Plan, make_record: MakeRecord) -> None:
    plan.path.write_text(PLAN.replace("seeds:", "  other: {training: {weight_decay: 0}}\nseeds:"))
    make_record("vanilla", 0, (200, 200, 400))
    make_record("routed", 0, (190, 200, 400))
    assert "no run yet" in words(draw(gather(Plan.from_yaml(plan.path))))


def test_titles_are_text_and_never_markup(plan: Plan) -> None:
    plan.path.write_text(PLAN.replace("Small", "<script>&"))
    assert words(draw(gather(Plan.from_yaml(plan.path))))[0] == "<script>& against smaller"


def test_ticks_are_round() -> None:
    assert ticks(-2.3, 6.1) == [-4, -2, 0, 2, 4, 6, 8]
    assert ticks(0, 0.31) == [0, 0.1, 0.2, 0.3, 0.4]


@given(st.floats(-1e4, 0), st.floats(0, 1e4))
def test_ticks_enclose_all_and_are_few(low: float, high: float) -> None:
    marks = ticks(low, high)
    assert marks[0] <= low + 1e-9
    assert high - 1e-9 <= marks[-1]
    assert 0 in marks
    assert 2 <= len(marks) <= 8
