import subprocess
import sys

import pytest

from app.figures import drift as figures
from probes.drift import drift
from tests.conftest import MakeModel


def test_without_a_result_a_titled_figure_says_what_will_appear(tiny: MakeModel) -> None:
    for draw in (figures.flips, figures.scales, figures.floats):
        assert draw(None).layout.title.text
        assert draw(None).layout.annotations[0].text
    vanilla = drift(tiny("vanilla", seed=1), tiny("vanilla", seed=2))
    assert figures.flips(vanilla).layout.annotations[0].text == figures.NOTHING
    assert len(figures.floats(vanilla).data[0].y) == len(vanilla.floats)


def test_the_bars_of_a_tensor_add_up_to_its_flips(tiny: MakeModel) -> None:
    found = drift(tiny(seed=1), tiny(seed=2))
    fig = figures.flips(found)
    assert [part.name for part in fig.data] == ["left 0", "became 0", "changed sign", "by chance"]
    for number, row in enumerate(found.ternary):
        assert sum(part.x[number] for part in fig.data[:3]) == pytest.approx(row.flips)
        assert fig.data[3].x[number] == row.by_chance
    assert fig.data[0].y[0] == "block 1 local"


def test_scales_and_floats_say_from_where_to_where(tiny: MakeModel) -> None:
    found = drift(tiny(seed=1), tiny(seed=2))
    first = found.ternary[0]
    bar = figures.scales(found).data[0]
    assert bar.x[0] == first.scale_change
    assert bar.customdata[0] == f"from {first.scale_before:.4g} to {first.scale_after:.4g}"
    assert figures.floats(found).data[0].customdata[0] == f"cosine {found.floats[0].cosine:.3f}"


def test_drawing_needs_neither_streamlit_nor_torch() -> None:
    look = "import sys, app.figures.drift, app.figures.xray; sys.exit(len({'streamlit', 'torch'} & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
