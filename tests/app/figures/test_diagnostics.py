import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.figures.diagnostics import along, copied, gather, scripts, steps
from probes.metrics import Measured


def test_shares_of_runs_are_counted_from_the_end() -> None:
    (own,) = steps({"the model": [3, 10, 10, 50]})
    assert (own.lengths, own.shares, own.texts) == ([0, 3, 10, 50], [1.0, 1.0, 0.75, 0.25], 4)


@given(st.lists(st.integers(0, 300), min_size=1))
def test_shares_of_runs_fall_from_everything_and_are_what_counting_says(lengths: list[int]) -> None:
    (own,) = steps({"": lengths})
    assert own.shares[0] == 1
    for length, share in zip(own.lengths, own.shares, strict=True):
        assert share == pytest.approx(sum(other >= length for other in lengths) / len(lengths))


def test_a_side_without_texts_has_no_line_and_a_negative_length_is_refused() -> None:
    assert steps({"authors": []}) == []
    with pytest.raises(ValueError, match="-1 bytes"):
        steps({"authors": [-1]})


def test_without_runs_a_titled_figure_says_what_will_appear() -> None:
    assert "what authors wrote" in copied(None, 50).layout.annotations[0].text
    fig = copied({"the model": [1, 2], "authors": [3]}, 50)
    assert [line.name for line in fig.data] == ["the model, 2 texts", "authors, 1 texts"]
    assert fig.layout.shapes[0].x0 == 50


def test_figures_stand_in_the_order_of_their_places_and_what_is_undefined_is_left_out() -> None:
    figures = {2.0: Measured(1, 0.5, 2, 7), 1.0: Measured(3, None, None, 1), 3.0: Measured(None, None, None, 0)}
    (curve,) = gather({"a": figures})
    assert (curve.places, curve.values) == ([1.0, 2.0], [3, 1])
    assert (curve.above, curve.below) == ([0, 1], [0, 0.5])
    assert curve.notes == ["1: 3.000, no interval<br>n = 1", "2: 1.000, 0.500 to 2.000<br>n = 7"]


def test_a_figure_along_an_axis_has_its_dashed_lines_or_says_why_it_is_empty() -> None:
    one = {0.5: Measured(1, 0, 2, 9)}
    fig = along("title", {"a": one, "b": one}, "x", "y", across=0, up=1)
    assert (len(fig.data), fig.layout.showlegend, len(fig.layout.shapes)) == (2, True, 2)
    assert "Nothing was measured" in along("t", {"a": {}}, "x", "y").layout.annotations[0].text


def test_scripts_stand_by_their_cost_with_what_byte_frequencies_alone_would_cost() -> None:
    costs = {"Greek": Measured(5, 4, 6, 9), "Latin": Measured(2, 1, 3, 9), "Thai": Measured(None, None, None, 0)}
    fig = scripts(costs, {"Greek": 4.0, "Latin": 4.5})
    assert fig.layout.yaxis.ticktext == ("Latin", "Greek", "Thai")
    model, floor = fig.data
    assert (list(model.x), list(model.y)) == ([2, 5], [0, 1])
    assert (list(floor.x), list(floor.y)) == ([4.5, 4.0], [0, 1])
