"""Which figures share a picture, and what a verdict is called."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.metrics import Measured
from probes.reports.words import SAID, panels, sentence
from probes.verdict import Rule, Verdict, Word
from tests.probes.results import abstained, coverage

ANY = Measured(0.5, 0.4, 0.6, 9)


def named(*places: tuple[str, str]) -> dict[str, list[str]]:
    return {panel.title: list(panel.lines) for panel in panels(dict.fromkeys(places, ANY))}


def test_one_figure_of_many_parts_is_one_picture() -> None:
    assert named(("Latin", "bits"), ("Greek", "bits"), ("Latin", "share")) == {
        "bits": ["Latin", "Greek"],
        "Latin: share": ["share"],
    }


def test_what_a_name_says_after_its_comma_is_a_line() -> None:
    places = [("reading", "bits, near"), ("reading", "bits, far"), ("reading", "bits, near less far")]
    found = panels(dict.fromkeys(places, ANY))
    assert [(panel.title, list(panel.lines), panel.reference) for panel in found] == [
        ("reading: bits", ["near", "far"], None),
        ("reading: bits, near less far", ["bits, near less far"], 0.0),
    ]


def test_signals_of_a_part_stand_together_with_chance() -> None:
    found = panels(dict.fromkeys([("a", "AUROC of x"), ("a", "AUROC of y"), ("b", "AUROC of x")], ANY))
    assert [(panel.title, list(panel.lines), panel.reference) for panel in found] == [
        ("AUROC, a", ["x", "y"], 0.5),
        ("AUROC, b", ["x"], 0.5),
    ]


def test_a_part_of_unlike_names_is_a_picture_of_its_own() -> None:
    assert named(("reach", "block 1"), ("reach", "block 2")) == {"reach": ["block 1", "block 2"]}


@given(
    st.lists(
        st.tuples(st.sampled_from("ab"), st.sampled_from(["x", "x, 1", "AUROC of x", "x less y", "z"])), unique=True
    )
)
def test_every_figure_is_in_just_one_picture(places: list[tuple[str, str]]) -> None:
    shown = [place for panel in panels(dict.fromkeys(places, ANY)) for place in panel.lines.values()]
    assert sorted(shown) == sorted(places)


def test_real_results_are_in_pictures_whole() -> None:
    for result in (abstained(), coverage()):
        shown = [place for panel in panels(result.figures) for place in panel.lines.values()]
        assert sorted(shown) == sorted(result.figures)


@pytest.mark.parametrize("word", SAID)
def test_every_verdict_has_words(word: Word) -> None:
    said = sentence(Verdict(Rule("p", "f", "at least", 0.5), word, ANY, narrow=True))
    assert said.endswith("narrowly: the interval crosses the bound. p: f at least 0.5: 0.500 [0.400, 0.600].")
    assert said.startswith(SAID[word])


def test_what_was_not_measured_is_said() -> None:
    assert "not measured" in sentence(Verdict(Rule("p", "f", "at least", 0.5), "undefined", None))
