import subprocess
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import plotly.graph_objects as go
import pytest

from app.figures import heads as figures
from probes.alike import alike
from probes.heads import heads
from probes.roles import ROLES, roles
from probes.survey import survey
from tests.conftest import MakeModel
from tests.probes.test_roles import TEXT, followers
from tilelli.base import ByteLM
from tilelli.interventions import parse
from tilelli.trace import trace

SHORT = list(TEXT[:16])


@pytest.mark.parametrize(
    "draw",
    [
        lambda: figures.rules(None),
        lambda: figures.likeness(None),
        *(partial(figures.measure, None, name) for name in figures.MEASURES),
    ],
)
def test_without_a_result_a_titled_figure_says_what_will_appear(draw: Callable[[], go.Figure]) -> None:
    fig = draw()
    assert fig.layout.title.text
    assert "Appears" in fig.layout.annotations[0].text
    assert not fig.data


@pytest.mark.parametrize("name", figures.MEASURES)
def test_every_head_has_a_cell_with_its_number_and_its_interval(model: ByteLM, name: str) -> None:
    every = heads(trace(model, SHORT), 4)
    cells = figures.measure(every, name).data[0]
    assert np.shape(cells.z) == np.shape(cells.text) == np.shape(cells.customdata) == (2, 2)
    np.testing.assert_allclose(cells.z, getattr(every, name), rtol=1e-6)
    assert cells.customdata[1][0].startswith("<br>95 % interval")


def test_with_many_heads_a_scale_stands_in_for_the_numbers(tiny: MakeModel) -> None:
    every = heads(trace(tiny(n_heads=16), SHORT))
    cells = figures.measure(every, "effective_keys").data[0]
    assert cells.text is None
    assert cells.showscale


def test_one_byte_has_none_before_it_and_nothing_to_leave_out(model: ByteLM) -> None:
    every = heads(trace(model, [65]), 4)
    assert "two bytes" in figures.measure(every, "previous").layout.annotations[0].text
    assert "Appears with more than" in figures.measure(every, "mass").layout.annotations[0].text
    assert figures.measure(every, "effective_keys").data


def test_every_rule_and_head_has_a_cell_and_what_is_named_a_mark() -> None:
    found = roles(followers(TEXT))
    cells = figures.rules(found).data[0]
    np.testing.assert_allclose(cells.z, found.excess[:, 0], rtol=1e-6)
    for number, name in enumerate(ROLES):
        assert cells.text[number][number] == ("5" if name == "offset" else "●")
    assert "block 1, head 2 looks 5 bytes back, 6 before the byte to be guessed?" in cells.customdata[1][1]
    assert [bool(mark) for row in cells.text for mark in row] == found.named.ravel().tolist()


def test_the_list_of_rules_has_what_is_named_the_clearest_first() -> None:
    found = roles(followers(TEXT))
    named = figures.list_of_rules(found)
    assert len(named) == found.named.sum()
    assert named["excess"].is_monotonic_decreasing
    assert "5 bytes back" in named["rule"].tolist()


def test_blocks_are_told_apart_by_lines_and_names(model: ByteLM) -> None:
    seen = trace(model, SHORT)
    for fig in (figures.rules(roles(seen)), figures.likeness(alike(seen))):
        assert fig.layout.xaxis.ticktext == ("block 1", "block 2")
        assert [shape.x0 for shape in fig.layout.shapes if shape.x0 == shape.x1] == [1.5]


def test_a_head_is_not_compared_with_itself(model: ByteLM) -> None:
    found = alike(trace(model, SHORT))
    shown = np.array(figures.likeness(found).data[0].z)
    assert np.isnan(shown.diagonal()).all()
    assert shown[0, 3] == pytest.approx(found.overlap[0, 3])


def test_the_reader_is_told_how_much_the_attention_weighs(routed: ByteLM, vanilla: ByteLM) -> None:
    found = survey(trace(routed, SHORT))
    assert found.sparse is not None
    assert f"attention {100 * found.sparse[1]:.1f} % of the mix" in figures.explain(found, 1, 4)
    removed = survey(trace(routed, SHORT, parse("remove:sparse@1")))
    assert "what is shown there has no effect" in figures.explain(removed, 0, 4)
    assert "of the mix" in figures.explain(removed, 1, 4)
    assert "too short" in figures.explain(survey(trace(routed, [65])), 0, 4)
    assert "vanilla model" in figures.explain(survey(trace(vanilla, SHORT), 4), 0, 4)


def test_the_summary_counts_tests_and_finds(model: ByteLM) -> None:
    assert figures.summary(roles(followers(TEXT))).split(" pairs of a head and a rule are named")[0].endswith("of 25")
    assert "too few kinds of byte" in figures.summary(roles(trace(model, [65, 66])))


def test_drawing_needs_neither_streamlit_nor_torch() -> None:
    look = "import sys, app.figures.heads; sys.exit(any(name in sys.modules for name in ('streamlit', 'torch')))"
    assert subprocess.run([sys.executable, "-c", look], check=False).returncode == 0
