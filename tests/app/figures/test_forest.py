"""Lines and marks stand where the figures are, side by side, and text of a user is no tag."""

from app.figures.forest import forest, gather
from probes.metrics import Measured

ONE, OTHER, NONE = Measured(0.5, 0.4, 0.7, 9), Measured(0.2, None, None, 3), Measured(None, None, None, 0)


def test_marks_and_intervals_are_the_figures() -> None:
    (spans,) = gather({"a": [ONE], "b": [OTHER]}, [""])
    assert (spans.places, spans.values) == ([0, 1], [0.5, 0.2])
    assert [round(end, 9) for end in spans.above] == [0.2, 0]
    assert [round(end, 9) for end in spans.below] == [0.1, 0]
    assert spans.notes == ["a<br>0.500, 0.400 to 0.700<br>n = 9", "b<br>0.200, no interval<br>n = 3"]


def test_sides_stand_beside_each_other_and_what_is_undefined_has_no_mark() -> None:
    first, second = gather({"a": [ONE, OTHER], "b": [None, ONE], "c": [NONE, NONE]}, ["A", "B"])
    assert (first.values, second.values) == ([0.5], [0.2, 0.5])
    assert first.places[0] < 0 < second.places[0] < 0.5 < second.places[1] < 1.5


def test_the_picture_names_every_line_and_draws_the_reference() -> None:
    fig = forest("<b>AUROC", {"<i>x": [ONE], "y" * 60: [ONE]}, reference=0.5)
    assert fig.layout.title.text == "&lt;b&gt;AUROC"
    assert list(fig.layout.yaxis.ticktext) == ["&lt;i&gt;x", "y" * 43 + "…"]
    assert fig.layout.shapes[0].x0 == 0.5
    assert not fig.layout.showlegend


def test_without_figures_it_says_what_will_appear() -> None:
    assert "as soon as there is a result" in forest("t", None).layout.annotations[0].text
