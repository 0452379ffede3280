from dataclasses import replace

import pytest

from app.figures.speed import cost, gather, gather_saved, lanes, pace, saved
from probes.skipping import Point
from tilelli.engine.bench import Measured


def engine(name: str, *speeds: float) -> Measured:
    return Measured(name, 1.0, speeds, (0.1,) * len(speeds), 2**20, (65, 66))


POINTS = [
    Point(0.0, 2.0, 0.0, 0.0, 0.0, 9, 0.0, 0.0, None, 0.0),
    Point(0.1, 2.5, 0.5, 0.25, 1.0, 9, 0.4, 0.1, None, 0.5),
]


def test_a_bar_is_the_median_and_every_round_has_its_dot() -> None:
    told = [engine("numba", 100, 400, 200), engine("numpy", 10, 20)]
    assert [(lane.name, lane.middle) for lane in gather(told)] == [("numba", 200), ("numpy", 15)]
    bar, dots = lanes(told).data
    assert list(bar.x) == [200, 15]
    assert list(zip(dots.y, dots.x, strict=True))[:3] == [("numba", 100), ("numba", 400), ("numba", 200)]


def test_another_model_is_called_one() -> None:
    (lane,) = gather([Measured("hf", 1.0, (5.0,), (0.1,), 0, (65,), 9, "Llama")])
    assert lane.note == "hf, another model of as many parameters<br>5 bytes/s, median"


def test_the_cost_has_its_interval() -> None:
    (line,) = cost(POINTS).data
    assert list(line.y) == [0.0, 0.5]
    assert list(line.error_y.array) == [0.0, 0.5]
    assert list(line.error_y.arrayminus) == [0.0, 0.25]
    assert line.customdata[1] == "below 0.1<br>2.500 bpb, +0.500 bpb [+0.250, +1.000]"


def test_without_an_interval_there_is_none_drawn() -> None:
    (line,) = cost([Point(0.1, 2.5, 0.5, None, None, 1, 0.4, 0.1, 0.2, 0.5)]).data
    assert list(line.error_y.array) == list(line.error_y.arrayminus) == [0.0]


def test_the_saving_has_a_line_for_each_pathway_there_is_and_one_for_all() -> None:
    assert [line.name for line in gather_saved(POINTS)] == ["local", "dense", "all pathways"]
    assert [list(line.y) for line in saved(POINTS).data] == [[0.0, 0.1], [0.0, 0.5], [0.0, 0.4]]
    assert gather_saved(POINTS)[0].notes == ["below 0<br>local: nothing left out", "below 0.1<br>local: 10 % left out"]


@pytest.mark.parametrize("draw", [lanes, cost, saved, pace])
def test_before_anything_is_measured_it_is_said_what_will_appear(draw) -> None:  # type: ignore[no-untyped-def]
    fig = draw([])
    assert not fig.data
    assert "as soon as" in fig.layout.annotations[0].text


def test_speed_stands_against_bits_with_its_threshold() -> None:
    timed = [
        replace(each, speed=speed, faster=1.0, quarter=0.9, three_quarters=1.3)
        for each, speed in zip(POINTS, (100, 1500), strict=True)
    ]
    (line,) = pace([*timed, replace(POINTS[1], threshold=0.2)]).data
    assert (list(line.x), list(line.y), list(line.text)) == ([100, 1500], [2.0, 2.5], ["0", "0.1"])
    assert line.error_x.array == pytest.approx((30, 450))
    assert line.error_x.arrayminus == pytest.approx((10, 150))
    assert line.customdata[1] == "below 0.1<br>2.500 bpb, 1,500 bytes/s"
