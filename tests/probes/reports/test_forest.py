"""A small picture that says every number in words too, and draws each where it belongs."""

import math
import xml.etree.ElementTree as ET

import pytest
from hypothesis import given
from hypothesis import strategies as st

from probes.metrics import Measured
from probes.reports.forest import LEFT, PLOT, Line, axis, forest

LINES = [
    Line("<i>one", Measured(0.25, 0.0, 0.5, 9)),
    Line("two", Measured(1.0, None, None, 3)),
    Line("none", Measured(None, None, None, 0)),
]


def drawn(*lines: Line, reference: float | None = None) -> ET.Element:
    return ET.fromstring(forest("A & B", lines, reference))


def test_marks_stand_where_the_figures_are() -> None:
    picture = drawn(*LINES, reference=0.5)
    circles = [float(mark.attrib["cx"]) for mark in picture.iter("circle")]
    assert circles == pytest.approx([LEFT + 0.25 * PLOT, LEFT + PLOT], abs=0.1)
    (span,) = [mark.attrib for mark in picture.iter("line") if mark.attrib["class"] == "span"]
    assert [float(span[end]) for end in ("x1", "x2")] == pytest.approx([LEFT, LEFT + 0.5 * PLOT], abs=0.1)
    (chance,) = [mark.attrib for mark in picture.iter("line") if mark.attrib["class"] == "ref"]
    assert float(chance["x1"]) == pytest.approx(LEFT + 0.5 * PLOT, abs=0.1)


def test_every_number_is_in_words_too() -> None:
    picture = drawn(*LINES)
    words = [mark.text for mark in picture.iter("text")]
    assert {"<i>one", "0.250 [0.000, 0.500]", "1.000", "undefined", "A & B"} <= set(words)
    assert "two 1.000" in picture.attrib["aria-label"]


def test_a_figure_that_is_not_finite_has_words_and_no_mark() -> None:
    picture = drawn(Line("far", Measured(math.inf, None, None, 3)))
    assert not list(picture.iter("circle"))
    assert "inf" in [mark.text for mark in picture.iter("text")]


@pytest.mark.parametrize(
    ("ends", "expected"),
    [
        ([0.2, 0.9], (0, 1)),
        ([0.0, 1.0], (0, 1)),
        ([0.001, 0.004], (0.001, 0.004)),
        ([-0.05, 0.02], (-0.06, 0.02)),
        ([5.0, 5.0], (4, 6)),
        ([], (0, 1)),
    ],
)
def test_the_axis_holds_all_and_little_more(ends: list[float], expected: tuple[float, float]) -> None:
    low, high, ticks = axis([Measured(end, None, None, 1) for end in ends])
    assert min([low, *ends]) == low
    assert max([high, *ends]) == high
    assert (low, high) == pytest.approx(expected) or ends == [5.0, 5.0]
    assert ticks[0] == pytest.approx(low)
    assert ticks[-1] == pytest.approx(high)


@given(st.lists(st.floats(-1e9, 1e9, allow_subnormal=False), max_size=5), st.none() | st.floats(-1, 1))
def test_an_axis_has_some_ticks_and_holds_everything(ends: list[float], reference: float | None) -> None:
    low, high, ticks = axis([Measured(end, None, None, 1) for end in ends], reference)
    assert low < high
    assert 2 <= len(ticks) <= 8
    slack = 1e-9 * max(1, abs(low), abs(high))
    assert all(low - slack <= end <= high + slack for end in [*ends, *([] if reference is None else [reference])])
