import pytest

from app.figures.checkpoints import Curve, gather, learning_curve

HISTORY = {"steps": 100, "bytes_seen": 2_000_000, "held_out": [[50, 3.0], [100, 2.0]]}


def test_the_curve_is_drawn_over_megabytes() -> None:
    assert gather("a", HISTORY) == Curve("a", [1.0, 2.0], [3.0, 2.0])


@pytest.mark.parametrize("history", [{}, {"steps": 0}, HISTORY | {"held_out": []}, HISTORY | {"held_out": [1]}])
def test_a_history_that_cannot_be_read_gives_no_curve(history: dict[str, object]) -> None:
    assert gather("a", history) is None


def test_nothing_to_draw_says_what_will_appear() -> None:
    fig = learning_curve([])
    assert fig.layout.title.text
    assert "training history" in fig.layout.annotations[0].text


def test_every_checkpoint_has_its_line() -> None:
    fig = learning_curve([Curve("a", [1.0], [2.0]), Curve("b", [1.0], [3.0])])
    assert [trace.name for trace in fig.data] == ["a", "b"]


def test_a_splice_does_not_show_the_curve_of_its_base() -> None:
    assert gather("a::router::b", HISTORY | {"splice": {"parts": "router"}}) is None
