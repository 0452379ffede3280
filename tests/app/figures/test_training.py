import math
from collections.abc import Callable

import plotly.graph_objects as go
import pytest

from app.figures import training as figures

STEPS = [
    {"step": step, "bpb": 8.0 / step, "grad_norm": 0.5, "bytes_per_second": 100 * step, "shares": [[0.2, 0.3, 0.5]] * 2}
    for step in (5, 10)
]
EVALUATION = {"step": 10, "held_out_bpb": 2.0, "bytes": 5120, "zeros": 0.4, "flips": 0.0, "sample": "abc"}
RECORDS = [*STEPS, EVALUATION]
DRAWN = [figures.loss, figures.shares, figures.trits, figures.pace]


@pytest.mark.parametrize("draw", DRAWN)
def test_nothing_to_draw_says_what_will_appear(draw: Callable[[figures.Records], go.Figure]) -> None:
    for records in ([], [{"step": 5}], [{"step": 5, "shares": []}]):
        fig = draw(records)
        assert fig.layout.title.text
        assert "ppear" in fig.layout.annotations[0].text or "draw" in fig.layout.annotations[0].text


def test_the_loss_stands_over_the_megabytes_read() -> None:
    training, held_out = figures.gather_loss(RECORDS, bytes_a_step=100_000)
    assert (training.name, training.x, training.y) == ("training", [0.5, 1.0], [1.6, 0.8])
    assert (held_out.name, held_out.x, held_out.y) == ("held out", [1.0], [2.0])
    assert figures.loss(RECORDS, 100_000).layout.xaxis.title.text == "training text, MB"


def test_the_loss_stands_over_steps_if_nobody_knows_their_size() -> None:
    assert figures.gather_loss(RECORDS)[0].x == [5, 10]
    assert figures.loss(RECORDS).layout.xaxis.title.text == "step"


def test_every_block_has_a_row_with_a_line_a_pathway_in_its_colour() -> None:
    fig = figures.shares(RECORDS)
    assert [trace.name for trace in fig.data] == ["local", "sparse", "dense"] * 2
    assert [trace.y[0] for trace in fig.data[:3]] == [0.2, 0.3, 0.5]
    assert fig.data[1].line.color == figures.COLOURS["sparse"]
    assert (fig.layout.yaxis.title.text, fig.layout.yaxis2.title.text) == ("block 1", "block 2")


def test_evenness_is_drawn_where_it_is_known() -> None:
    lines = figures.gather_shares([record | {"entropy": [0.9, 0.8]} for record in STEPS])
    assert [(line.row, line.y) for line in lines if line.name == "evenness"] == [
        ("block 1", [0.9, 0.9]),
        ("block 2", [0.8, 0.8]),
    ]


def test_a_deep_model_is_drawn_in_part_and_says_so() -> None:
    fig = figures.shares([record | {"shares": [[0.2, 0.3, 0.5]] * 12} for record in STEPS])
    assert len(fig.data) == 3 * figures.MOST_BLOCKS
    assert fig.layout.title.text.endswith("the first 8 of 12")


def test_no_flips_at_all_can_stand_on_a_logarithmic_axis() -> None:
    zeros, flips = figures.trits(RECORDS).data
    assert (list(zeros.y), list(flips.y)) == ([0.4], [figures.LEAST_FLIPS])
    assert figures.gather_trits(RECORDS)[1].y == [0.0]


def test_the_gradient_and_the_speed_have_a_row_each() -> None:
    norm, speed = figures.gather_pace(RECORDS)
    assert (norm.row, norm.y, speed.row, speed.y) == ("gradient norm", [0.5, 0.5], "bytes/s", [500, 1000])


def test_a_vanilla_run_is_drawn_without_shares_and_trits() -> None:
    records = [record | {"shares": []} for record in STEPS] + [{"step": 10, "held_out_bpb": 2.0}]
    kinds = {name: len(fig.data) for fig, _, name, _ in figures.pictures(records)}
    assert kinds == {"training_loss": 2, "training_shares": 0, "training_trits": 0, "training_pace": 2}


@pytest.mark.parametrize("count", [0, 1, 2, 499, 500, 501, 1000, 12_345])
def test_a_long_run_is_thinned_and_keeps_its_ends(count: int) -> None:
    records = [{"step": step} for step in range(count)]
    kept = figures.thin(records)
    assert len(kept) <= figures.MOST_POINTS + 1
    assert kept[:1] == records[:1]
    assert kept[-1:] == records[-1:]
    assert count > 500 or kept == records


def test_what_is_no_number_is_left_out() -> None:
    records = [{"step": 1, "bpb": None}, {"step": 2, "bpb": "x"}, {"step": 3, "bpb": math.nan}, {"step": 4, "bpb": 1}]
    assert figures.gather_loss(records)[0].x == [3, 4]
    assert figures.loss(records).data


def test_the_numbers_are_those_of_the_lines() -> None:
    table = figures.numbers(figures.gather_pace(RECORDS))
    assert list(table.columns) == ["row", "line", "step", "value"]
    assert table["value"].tolist() == [0.5, 0.5, 500, 1000]
    assert figures.numbers([]).empty
