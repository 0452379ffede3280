import math

import numpy as np

from app.figures.ablation import gather, heatmap
from probes.ablation import WHOLE, AblationMap, Cell
from probes.ablation import gather as mapped


def result(*pathways: str, kind: str = "remove", total: int | None = None, p: float | None = 1e-6) -> AblationMap:
    """One block whose cells cost 1, 0.25, ... bpb; the last is not clear."""
    cells = []
    for n, name in enumerate(pathways):
        change = 4.0**-n
        ends = (None, None) if p is None else (change / 2, change * 2)
        sure = None if p is None else (0.9 if n == len(pathways) - 1 else p)
        cells.append(Cell(1, name, f"{kind}:{name}@1", 2.0, 2.0 + change, change, *ends, 9, sure))
    return mapped(cells, kind, total or len(cells), 300)


def test_without_a_map_a_titled_figure_says_what_will_appear() -> None:
    fig = heatmap(None)
    assert fig.layout.title.text.startswith("Change in bits per byte")
    assert "as soon as it is measured" in fig.layout.annotations[0].text


def test_rows_are_blocks_and_columns_pathways() -> None:
    grid = gather(result("local", "sparse", "dense", WHOLE), 2)
    assert grid is not None
    assert (grid.columns, grid.rows) == (["local", "sparse", "dense", WHOLE], ["block 1", "block 2"])
    assert grid.texts[0] == ["<b>+1.00</b>", "<b>+0.25</b>", "<b>+0.06</b>", "(+0.02)"]
    assert grid.strength[0] == [1.0, 0.5, 0.25, 0.0]
    assert grid.texts[1] == ["…"] * 4


def test_a_pathway_that_the_model_lacks_is_a_dash_and_one_not_yet_measured_three_dots() -> None:
    grid = gather(result("local", "dense", "extra", WHOLE), 1)
    assert grid is not None
    assert grid.texts[0][1] == "–"
    begun = gather(result("local", total=4), 1)
    assert begun is not None
    assert begun.texts[0][1:] == ["…", "…", "…"]
    assert np.shape(heatmap(result(total=4), 1).data[0].z) == (1, 4)


def test_hovering_tells_the_interval_or_why_there_is_none() -> None:
    sure, short = gather(result("local", "dense"), 1), gather(result("local", p=None), 1)
    assert sure is not None
    assert short is not None
    assert "remove:local@1<br>+1.000 bpb, from 2.000 to 3.000<br>95 % interval +0.500 to +2.000" in sure.notes[0][0]
    assert "no interval: the text is too short" in short.notes[0][0]
    assert short.texts[0][0] == "(+1.00)"


def test_the_colours_are_even_on_both_sides_of_nothing() -> None:
    heat = heatmap(result("local", "sparse", "dense"), 1).data[0]
    assert heat.zmin == -heat.zmax == -1.0
    assert not any(math.isinf(value) for value in np.ravel(heat.z) if value is not None)
